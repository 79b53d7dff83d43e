"""What a page's own `<style>` elements say of its elements, as far as it decides whether anybody sees their text.

A small part of CSS: plain selectors, the cascade, `@media` without a width. What depends on a state (`:hover`, a class that
a script sets) or on the screen hides nothing for good; it is only known as a way to show again what is hidden.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from lxml import html as lxml_html

# What decides whether text is seen; of other declarations nothing is kept.
_TOLD = frozenset(
    "display visibility content-visibility opacity color background background-color font-size text-indent position left top right bottom clip clip-path transform filter margin-left margin-top height max-height width max-width overflow cursor transition animation".split()  # noqa: SIM905 (a list of words reads better so)
)
# Sheets beyond these exist to exhaust somebody: what is left unread hides nothing.
_CHARS, _RULES, _SELECTOR_CHARS, _DEPTH = 400_000, 4_000, 300, 4
_HELD = 200_000  # elements held against a part of a selector: a second

_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_STRING = re.compile(r"\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'")
_ESCAPED = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))", re.IGNORECASE | re.DOTALL)
_DECLARED = re.compile(r"([a-z-]{2,40})\s*:\s*([^;]{1,200})", re.IGNORECASE)
_PART = re.compile(
    r"(?P<tag>[a-z][\w-]*|\*)|#(?P<id>[\w-]+)|\.(?P<class>(?:[\w-]|[^\x00-\x7f])+)|\[\s*(?P<name>[\w-]+)\s*(?:(?P<how>[~|^$*]?=)\s*(?P<value>[^\]]*?))?\s*(?:[is]\s*)?\]"
    r"|(?P<pseudo>::?[\w-]+)(?:\((?P<of>[^()]{0,120})\))?",
    re.IGNORECASE,
)
_COMBINED = re.compile(r"\s*([>+~])\s*|\s+")
# Shown to everybody: no screen's width, no print, no preference.
_EVERYBODY = re.compile(r"@media\s*(?:only\s+)?(?:screen|all)?\s*", re.IGNORECASE)
_TRANSPARENT = re.compile(r"@(?:supports|layer|container)\b", re.IGNORECASE)

Specificity = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Compound:
    """What stands between two combinators. `states` are what a page may change: then it holds only sometimes."""

    tag: str = ""
    ids: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str, str], ...] = ()
    not_classes: tuple[str, ...] = ()
    positions: tuple[str, ...] = ()
    states: bool = False

    def names(self) -> list[str]:
        """Its ids, classes and tag as they are looked up; `*` where it has none."""
        named = [*(f"#{one}" for one in self.ids), *(f".{one}" for one in self.classes)]
        return [*named, *([self.tag] if self.tag not in ("", "*") else [])] or ["*"]

    def fits(self, element: lxml_html.HtmlElement) -> bool:
        """Whether it holds of an element now."""
        if self.states or (self.tag not in ("", "*") and element.tag != self.tag):
            return False
        if any(element.get("id") != one for one in self.ids):
            return False
        classes = (element.get("class") or "").split()
        if any(one not in classes for one in self.classes) or any(one in classes for one in self.not_classes):
            return False
        return all(_has(element, *one) for one in self.attributes) and all(
            _stands(element, one) for one in self.positions
        )


@dataclass(frozen=True, slots=True)
class _Rule:
    """One selector with what it declares. `steps` from the element outwards: combinator and what must hold there."""

    subject: _Compound
    steps: tuple[tuple[str, _Compound], ...]
    specificity: Specificity
    declared: dict[str, str]
    always: bool  # for everybody, whatever their screen

    def names(self) -> list[str]:
        """What must stand on the page, that by which the element is found first."""
        return [
            *self.subject.names(),
            *(name for _, compound in self.steps for name in compound.names() if name != "*"),
        ]


@dataclass(slots=True)
class PageStyles:
    """The rules of one page, and what they come to for each of its elements."""

    whole: bool  # whether all that the page's look rests on was read: no sheet of another file
    _rules: list[_Rule] = field(default_factory=list)
    _found: dict[lxml_html.HtmlElement, dict[str, str]] = field(default_factory=dict)
    # By a class or id of the subject, and what is declared.
    _naming: dict[tuple[str, str], list[_Rule]] = field(default_factory=lambda: defaultdict(list))
    _left: int = _HELD

    @classmethod
    def of(cls, root: lxml_html.HtmlElement) -> "PageStyles":
        """Those of a tree."""
        texts = [
            element.text or ""
            for element in root.iter("style")
            if not (media := (element.get("media") or "").strip().lower()) or media in ("all", "screen")
        ]
        css = _COMMENT.sub(" ", "\n".join(texts)[:_CHARS])
        linked = root.xpath(
            "//link[contains(concat(' ', translate(@rel, 'STYLEH', 'styleh'), ' '), ' stylesheet ')]"
        )
        styles = cls(not linked and "@import" not in css.lower())
        css = _STRING.sub(lambda found: re.sub(r"[{};]", "", found[0]), css)
        for rule in _rules(css, "", always=True, depth=0):
            styles._rules.append(rule)
            for one in (*rule.subject.names(), *(f".{each}" for each in rule.subject.not_classes)):
                for name in rule.declared:
                    styles._naming[one, name].append(rule)
            if len(styles._rules) >= _RULES:
                break
        styles._match(root)
        return styles

    def declared(self, element: lxml_html.HtmlElement) -> dict[str, str]:
        """What the sheets say of an element, the strongest rule of each property; empty for most."""
        return self._found.get(element, {})

    def shown_again(self, element: lxml_html.HtmlElement, name: str, hiding: re.Pattern[str]) -> bool:
        """Whether some rule could show what `name` hides here: with a class more, on another screen, while hovered."""
        own = [f".{one}" for one in (element.get("class") or "").split()] + [f"#{element.get('id')}"]
        for rule in (rule for one in own for rule in self._naming.get((one, name), ())):
            self._left -= 1
            if self._left < 0:
                return False
            subject = rule.subject
            # "Unless it is open" says that it can be.
            if subject.not_classes and subject.fits(element):
                return True
            # What holds always has been weighed already.
            holds = rule.always and subject.fits(element) and self._leads(element, rule.steps)
            if not hiding.match(rule.declared[name]) and not holds:
                return True
        return False

    def _match(self, root: lxml_html.HtmlElement) -> None:
        if not self._rules:
            return
        by_name: dict[str, list[lxml_html.HtmlElement]] = defaultdict(list)
        for element in root.iter():
            if isinstance(element.tag, str):
                by_name[element.tag].append(element)
                by_name["*"].append(element)
                by_name[f"#{element.get('id')}"].append(element)
                for one in set((element.get("class") or "").split()):
                    by_name[f".{one}"].append(element)
        strength: dict[tuple[lxml_html.HtmlElement, str], tuple[bool, Specificity]] = {}
        for rule in self._rules:
            # A name that stands nowhere on the page need not be looked for.
            if not rule.always or not all(name in by_name for name in rule.names()):
                continue
            candidates = by_name[rule.names()[0]]
            self._left -= len(candidates)
            if self._left < 0:
                return
            for element in candidates:
                if rule.subject.fits(element) and self._leads(element, rule.steps):
                    self._declare(element, rule, strength)

    def _leads(self, element: lxml_html.HtmlElement, steps: Sequence[tuple[str, _Compound]]) -> bool:
        """Whether what stands around an element is as the selector wants it; the nearest that fits is taken."""
        at: lxml_html.HtmlElement | None = element
        for combinator, compound in steps:
            assert at is not None
            if combinator in (">", "+"):
                near = at.getparent() if combinator == ">" else at.getprevious()
                around = iter([] if near is None else [near])
            else:
                around = at.iterancestors() if combinator == " " else at.itersiblings(preceding=True)
            at = None
            for one in around:
                self._left -= 1
                if self._left < 0:
                    return False
                if compound.fits(one):
                    at = one
                    break
            if at is None:
                return False
        return True

    def _declare(
        self,
        element: lxml_html.HtmlElement,
        rule: _Rule,
        strength: dict[tuple[lxml_html.HtmlElement, str], tuple[bool, Specificity]],
    ) -> None:
        found = self._found.setdefault(element, {})
        for name, value in rule.declared.items():
            force = ("!important" in value, rule.specificity)
            if force >= strength.get((element, name), (False, (0, 0, 0))):
                strength[element, name] = force
                found[name] = value


def declarations(block: str) -> dict[str, str]:
    """What a block or a `style` attribute declares of what decides whether text is seen, in lower case."""
    plain = _ESCAPED.sub(_character, _COMMENT.sub("", block))
    return {
        low: value.strip().lower()
        for name, value in _DECLARED.findall(plain)
        if (low := name.lower()) in _TOLD
    }


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else 0
    return found[2] or (chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd")


def _rules(css: str, parent: str, *, always: bool, depth: int) -> Iterator[_Rule]:
    """The rules of a sheet or of a block in one, `parent` the selector that they stand in."""
    if depth > _DEPTH:
        return
    for prelude, block in _blocks(css):
        if prelude.startswith("@"):
            if _EVERYBODY.fullmatch(prelude) or _TRANSPARENT.match(prelude):
                yield from _rules(block, parent, always=always, depth=depth + 1)
            elif prelude.lower().startswith("@media") and "print" not in prelude.lower():
                yield from _rules(block, parent, always=False, depth=depth + 1)
            continue
        told = declarations(re.sub(r"[^;{}]*\{[^{}]*\}", "", block))
        for selector in prelude.split(","):
            whole = _within(parent, selector.strip())
            if told and len(whole) <= _SELECTOR_CHARS and (rule := _rule(whole, told, always=always)):
                yield rule
            if "{" in block:
                yield from _rules(block, whole, always=always, depth=depth + 1)


def _within(parent: str, selector: str) -> str:
    """A selector as it stands alone."""
    if not parent:
        return selector
    return selector.replace("&", parent) if "&" in selector else f"{parent} {selector}"


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """What stands before each outermost brace, and what is between it and its fellow."""
    depth, start, opened, prelude = 0, 0, 0, ""
    for found in re.finditer(r"[{};]", css):
        sign, at = found[0], found.start()
        if sign == "{":
            if depth == 0:
                prelude, opened = css[start:at].strip(), at + 1
            depth += 1
        elif sign == "}" and depth:
            depth -= 1
            if depth == 0:
                yield prelude, css[opened:at]
                start = at + 1
        elif depth == 0:
            start = at + 1


def _rule(selector: str, declared: dict[str, str], *, always: bool) -> _Rule | None:
    """None for a selector that we do not read, and for what no element is (`::before`)."""
    # An escaped sign is part of a name: what browsers read as a letter is one.
    plain = _ESCAPED.sub(lambda found: re.sub(r"[^\w-]", "\ufffc", _character(found)), selector)
    steps: list[tuple[str, _Compound]] = []
    at, combinator = 0, ""
    spans = [
        *((found.start(), found.end(), found[1] or " ") for found in _COMBINED.finditer(plain)),
        (len(plain),) * 2 + ("",),
    ]
    for start, end, sign in spans:
        if _open_at(plain, start):
            continue
        compound = _compound(plain[at:start])
        if compound is None:
            return None
        steps.append((combinator, compound))
        at, combinator = end, sign
    compounds = [compound for _, compound in steps]
    outward = tuple((steps[n + 1][0], compounds[n]) for n in range(len(compounds) - 2, -1, -1))
    counted = (
        sum(len(c.ids) for c in compounds),
        sum(len(c.classes) + len(c.attributes) + len(c.not_classes) + len(c.positions) for c in compounds),
        sum(c.tag not in ("", "*") for c in compounds),
    )
    return _Rule(compounds[-1], outward, counted, declared, always)


def _open_at(selector: str, at: int) -> bool:
    """Whether this place is within brackets, where a space combines nothing."""
    before = selector[:at]
    return before.count("[") > before.count("]") or before.count("(") > before.count(")")


def _compound(text: str) -> _Compound | None:
    """None for what is empty, that we do not read, or that no element is (`::before`)."""
    made, at = _Compound(), 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None or (found["tag"] and at > 0):
            return None
        more = _pseudo(made, found) if found["pseudo"] else _part(made, found)
        if more is None:
            return None
        made, at = more, found.end()
    return made if text else None


def _part(made: _Compound, found: re.Match[str]) -> _Compound:
    if found["tag"]:
        return replace(made, tag=found["tag"].lower())
    if found["id"]:
        return replace(made, ids=(*made.ids, found["id"]))
    if found["class"]:
        return replace(made, classes=(*made.classes, found["class"]))
    held = (found["name"].lower(), found["how"] or "", (found["value"] or "").strip("\"' "))
    return replace(made, attributes=(*made.attributes, held))


def _pseudo(made: _Compound, found: re.Match[str]) -> _Compound | None:
    name, of = found["pseudo"].lower(), (found["of"] or "").strip()
    if name.startswith("::") or name in (":before", ":after", ":first-line", ":first-letter"):
        return None
    if name == ":not" and re.fullmatch(r"\.[\w-]+", of):
        return replace(made, not_classes=(*made.not_classes, of[1:]))
    if name in (":is", ":where") and "," not in of and (inner := _compound(of)) is not None:
        return _Compound(
            made.tag or inner.tag,
            made.ids + inner.ids,
            made.classes + inner.classes,
            made.attributes + inner.attributes,
            made.not_classes + inner.not_classes,
            made.positions + inner.positions,
            made.states or inner.states,
        )
    if name in _POSITIONS and not of:
        return replace(made, positions=(*made.positions, name))
    if name == ":root":
        return replace(made, tag=made.tag or "html")
    return replace(made, states=True)


_POSITIONS = frozenset({":first-child", ":last-child", ":only-child"})


def _stands(element: lxml_html.HtmlElement, position: str) -> bool:
    first, last = element.getprevious() is None, element.getnext() is None
    return {":first-child": first, ":last-child": last}.get(position, first and last)


def _has(element: lxml_html.HtmlElement, name: str, how: str, value: str) -> bool:
    own: str | None = element.get(name)
    if own is None or not how:
        return own is not None
    return {
        "=": own == value,
        "~=": value in own.split(),
        "^=": bool(value) and own.startswith(value),
        "$=": bool(value) and own.endswith(value),
        "*=": bool(value) and value in own,
        "|=": own == value or own.startswith(f"{value}-"),
    }[how]
