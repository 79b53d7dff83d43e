"""Private facts out of a text before it leaves for a model, and back in what the model writes.

An e-mail address, telephone number, payment card, IBAN or a site's own kind of number becomes a token such as
`[email-1]`. A model can still speak of it; the provider never learns it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from minidesk.errors import Invalid
from minidesk.text.phones import UNSPACED, phone_spans

Kind = Literal["email", "iban", "card", "phone", "id"]

# Signs that RFC 5322 allows besides, where they stand within: "o'neil@", "user%office@".
_LOCAL = r"(?:[\w.+-]|(?<=\w)['’%!#$*^~&](?=\w)){1,64}"
EMAIL = re.compile(rf"(?<![\w.+-]){_LOCAL}@(?:[\w-]{{1,63}}\.){{1,6}}[a-z]{{2,24}}(?![\w-])", re.IGNORECASE)
# As people write it who fear machines: "max (at) muster.at", "max at muster dot at", with a full-width sign.
_AT = r"(?: ?[@＠﹫] ?| ?[(\[{<] ?(?:at|ät|a|@|＠|arroba|chiocciola) ?[)\]}>] ?)"
_DOT = r"(?:[.．。]| [.．。] | ?[(\[{<] ?(?:dot|punkt|punto|point|ponto) ?[)\]}>] ?)"
_SPOKEN_DOT = r" (?:dot|punkt|punto|point|ponto) "
_DISGUISED_EMAIL = re.compile(
    rf"(?<![\w.+-])[\w.+-]{{1,64}}(?:{_AT}(?:[\w-]{{1,63}}(?:{_DOT}|{_SPOKEN_DOT})){{1,6}}(?:xn--[a-z0-9-]{{2,40}}|[^\W\d_]{{2,24}})"
    rf"| (?:at|ät|arroba|chiocciola) (?:[\w-]{{1,63}}{_SPOKEN_DOT}){{1,6}}[a-z]{{2,24}})(?![\w-])",
    re.IGNORECASE,
)
# A name in quotation marks in front, and a comma typed for the last dot.
_ODD_EMAIL = re.compile(
    r"\"[^\"\n@]{1,64}\"@(?:[\w-]{1,63}\.){1,6}[a-z]{2,24}(?![\w-])"
    rf"|(?<![\w.+-]){_LOCAL}@(?:[\w-]{{1,63}}\.){{0,5}}[\w-]{{1,63}},[a-z]{{2,4}}(?![\w-])",
    re.IGNORECASE,
)
# One sign between groups, as people and forms set them.
_GAP = r"[ \u00a0\u2000-\u200a\u202f.\-‐–]"
# Between those of an account anything that separates: its check digits tell whether they belong together.
_IBAN_GAP = rf"(?:{_GAP}|[/_|:·\s])"
_IBAN_START = re.compile(
    rf"(?<![^\W_])[A-Z]{_IBAN_GAP}?[A-Z]{_IBAN_GAP}?[0-9]{_IBAN_GAP}?[0-9](?={_IBAN_GAP}{{0,2}}[A-Z0-9])",
    re.IGNORECASE | re.ASCII,
)
_IBAN_SIGN = re.compile(rf"{_IBAN_GAP}{{0,3}}([A-Z0-9])", re.IGNORECASE)
_IBAN_CHARS = range(15, 35)
# Lengths of an IBAN by country, its two letters included (ISO 13616); of others each length is tried.
_IBAN_LENGTH = {
    country: int(length)
    for length, listed in (
        ("15", "NO"), ("16", "BE"), ("18", "DK FI FO GL NL SD"), ("19", "MK SI"), ("20", "AT BA EE KZ LT LU MN XK"),
        ("21", "CH HR LI LV"), ("22", "BG BH CR DE GB GE IE ME RS VA"), ("23", "AE GI IL IQ OM SO TL"),
        ("24", "AD CZ ES MD PK RO SA SE SK TN VG"), ("25", "PT ST LY"), ("26", "IS TR"), ("27", "FR GR IT MC MR SM"),
        ("28", "AL AZ BY CY DO GT HU LB NI PL SV"), ("29", "BR EG PS QA UA"), ("30", "JO KW MU YE"), ("31", "MT SC"),
        ("32", "LC"), ("33", "RU"),
    )
    for country in listed.split()
}  # fmt: skip
_CARD_RUN = re.compile(rf"(?<![\d-])\d(?:{_GAP}{{0,2}}\d){{12,}}")
_CARD_DIGITS, _CARD_GROUP = range(13, 20), 4
# Groups of four (or 4-6-5) with whatever stands between: a line's end, several spaces, a slash.
_CARD_GROUPED = re.compile(
    r"(?<![\d/.-])\d{4}(?:[\s/_|:·*.\-‐–]{1,3}\d{4}){3}(?!\d)|(?<![\d/.-])3[47]\d\d[\s/_|:·*.\-‐–]{1,3}\d{6}[\s/_|:·*.\-‐–]{1,3}\d{5}(?!\d)"
)
_DIGITS = re.compile(r"\d+")
_EXPIRY = re.compile(r"\d\d ?/ ?\d\d")
# Who gives cards out, by their first digits, and how long their numbers are: with more digits behind it, a number is only
# told by these. Expiry and check digits are what stands behind most.
_ISSUERS = (
    (re.compile("4"), (19, 16, 13)),
    (re.compile("3[47]"), (15,)),
    (re.compile("3(?:0|[689])"), (16, 14)),
    (re.compile("5[1-5]|2[2-7]|35"), (16,)),
    (re.compile("6|5[06-9]"), (19, 18, 17, 16)),
)
_KINDS = ("email", "iban", "card", "phone", "id")
# As models give a token back: in capitals, with another dash, escaped for Markdown.
_TOKEN = re.compile(
    rf"\\?\[ ?({'|'.join(_KINDS)}) ?(?:\\?[-_\u2010-\u2015]| ) ?(\d{{1,3}}) ?\\?\]", re.IGNORECASE
)
# What can still become one: the same, ended anywhere.
_TOKEN_BEGUN = re.compile(
    r"\\?(?:\[ ?(?:[a-z]{1,5} ?(?:\\?(?:[-_\u2010-\u2015] ?)?(?:\d{1,3} ?\\?)?)?)?)?", re.IGNORECASE
)
# The longest token is `\[ email \- 999 \]`: a stream is held back no further than that.
_TOKEN_CHARS = 18
_PATTERN_CHARS = 40
# With so many digits a number is its form's also without the sign in it ("AG 48213"): with fewer, "a 123" would be too.
_TOLD_BY_DIGITS = 5
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"
MAX_PATTERNS = 20


@dataclass(frozen=True, slots=True)
class PrivateSpan:
    """A private fact: `text[start:end]`."""

    kind: Kind
    start: int
    end: int


def find_private(
    text: str, *, countries: Sequence[str] = (), patterns: Sequence[re.Pattern[str]] = ()
) -> list[PrivateSpan]:
    """Private facts in order, none overlapping another.

    `countries` (two letters, as text.phones.countries_of gives them): whose telephone numbers may come without a prefix;
    `patterns` come from `id_pattern`.
    """
    found: list[PrivateSpan] = []
    taken = bytearray(len(text))
    for kind, start, end in _candidates(text, countries, patterns):
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            found.append(PrivateSpan(kind, start, end))
    return sorted(found, key=lambda span: span.start)


def id_pattern(form: str) -> re.Pattern[str]:
    """A site's own kind of number as a pattern: `#` is a digit, `@` a letter, all else itself (`AG-#####`).

    A dash is any dash; in a form of many digits it may be a space, or missing, as people write such numbers down.
    Raises Invalid. No regular expressions: one that is badly written would let a long message hold up a server.
    """
    form = form.strip()
    if not 3 <= len(form) <= _PATTERN_CHARS or "#" not in form:
        raise Invalid(
            f"Write a number's form with # for a digit and @ for a letter, such as AG-#####, in 3 to {_PATTERN_CHARS} characters.",
            code="invalid_pattern",
        )
    dash = f"[{_DASHES} ./]?" if form.count("#") >= _TOLD_BY_DIGITS else f"[{_DASHES}]"
    signs = {"#": r"\d", "@": "[A-Za-z]"} | dict.fromkeys(_DASHES, dash)
    parts = (signs.get(char) or re.escape(char) for char in form)
    return re.compile(rf"(?<!\w){''.join(parts)}(?!\w)", re.IGNORECASE)


def _candidates(
    text: str, countries: Sequence[str], patterns: Sequence[re.Pattern[str]]
) -> Iterator[tuple[Kind, int, int]]:
    # Earlier kinds win a place that two of them claim: the digits of a card are no telephone number.
    for match in EMAIL.finditer(text):
        yield "email", *match.span()
    for pattern in (_DISGUISED_EMAIL, _ODD_EMAIL):
        for match in pattern.finditer(text):
            yield "email", *match.span()
    for start, end in _iban_spans(text):
        yield "iban", start, end
    for start, end in card_spans(text):
        yield "card", start, end
    for pattern in patterns:
        for match in pattern.finditer(text):
            yield "id", *match.span()
    for start, end in phone_spans(text, countries):
        yield "phone", start, end


def _iban_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where bank accounts stand, whatever stands behind them: words would otherwise be read as more of the number."""
    for match in _IBAN_START.finditer(text):
        plain = re.sub(_IBAN_GAP, "", match.group()).upper()
        longest = _IBAN_LENGTH.get(plain[:2], _IBAN_CHARS.stop - 1)
        ends = [0] * len(plain[:-1]) + [match.end()]  # behind each sign of `plain`
        at = match.end()
        while len(plain) < longest and (sign := _IBAN_SIGN.match(text, at)) is not None:
            plain, at = plain + sign[1].upper(), sign.end()
            ends.append(at)
        known = plain[:2] in _IBAN_LENGTH
        for length in [longest] if known else range(len(plain), _IBAN_CHARS.start - 1, -1):
            if length > len(plain):
                continue
            end = ends[length - 1]
            # A word may stand right behind a number whose length is known.
            ended = _ends_group(text, end) if known else not text[end : end + 1].isalnum()
            if ended and _is_iban(plain[:length]):
                yield match.start(), end
                break


def _ends_group(text: str, end: int) -> bool:
    """Whether no digit stands right behind."""
    return not text[end : end + 1].isdigit()


def card_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where numbers of payment cards stand, whatever stands behind them; one may be given twice."""
    for match in _CARD_GROUPED.finditer(text):
        digits = "".join(_DIGITS.findall(match.group()))
        if _is_card(digits) and any(issuer.match(digits) for issuer, _ in _ISSUERS):
            yield match.span()
    for run in _CARD_RUN.finditer(text):
        groups = [match.span() for match in _DIGITS.finditer(text, *run.span())]
        whole = "".join(text[start:end] for start, end in groups)
        if len(whole) in _CARD_DIGITS and _is_card(whole):
            yield run.span()
            continue
        places = [place for group in groups for place in range(*group)]
        behind = first = 0
        for at, (start, end) in enumerate(groups):
            # Within a run a digit alone starts no card.
            if start >= behind and (at == 0 or end - start > 1):
                longest = slice(first, first + _CARD_DIGITS.stop - 1)
                card = _card_end(text, groups[at : at + 4], places[longest], whole[longest])
                if card is not None:
                    yield start, card
                    behind = card
            first += end - start


def _card_end(text: str, groups: Sequence[tuple[int, int]], places: Sequence[int], digits: str) -> int | None:
    """Where the card that starts with the first of these groups of digits ends; None where none does.

    `places`, `digits`: of the digits from there on, as many as a card can have.
    """
    start, end = groups[0]
    lengths = next((lengths for first, lengths in _ISSUERS if first.match(text, start)), ())
    if not lengths and end - start != _CARD_GROUP:
        return None
    if [last - first for first, last in groups] == [_CARD_GROUP] * 4:
        lengths = (16, *lengths)
    for length in lengths:
        if length <= len(places):
            end = places[length - 1] + 1
            ends = _ends_group(text, end) or _EXPIRY.match(text, end) is not None
            if ends and _is_card(digits[:length]):
                return end
    return None


# Twice each digit, its own two digits added.
_LUHN_DOUBLED = str.maketrans("0123456789", "0246813579")


def _is_card(digits: str) -> bool:
    """Luhn's check, which every payment card number passes (ISO/IEC 7812-1)."""
    doubled = digits[-2::-2].translate(_LUHN_DOUBLED)
    return (sum(map(int, digits[::-2])) + sum(map(int, doubled))) % 10 == 0


def _is_iban(plain: str) -> bool:
    """The check of ISO 13616: the first four characters behind the others, letters as 10 to 35, modulo 97 is 1."""
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _folded(fact: str) -> str:
    return " ".join(fact.split()).lower()


def _any_of(facts: Iterable[str]) -> re.Pattern[str]:
    """Any of these, folded ones, wherever they stand as a whole: a prompt may space a text anew."""
    # The longest first, or an address inside a longer one would leave the rest of that behind.
    every = (_spaced(fact) for fact in sorted(facts, key=len, reverse=True))
    return re.compile(rf"(?<![^\W_{UNSPACED}])(?:{'|'.join(every)})", re.IGNORECASE)


def _spaced(fact: str) -> str:
    words = r"\s+".join(map(re.escape, fact.split()))
    # A short number is part of many a longer one.
    return words if len(fact) > _CARD_DIGITS.start else rf"{words}(?!\d)"


@dataclass(slots=True)
class Redaction:
    """The private facts of one call: each has the same token wherever it stands.

    Only what is found in `private` texts (the visitor's) is hidden; the same words are then hidden in all texts.
    """

    tokens: dict[str, str] = field(
        default_factory=dict
    )  # fact, however it is spaced and written in capitals → token
    facts: dict[str, str] = field(default_factory=dict)  # token → fact
    _pattern: re.Pattern[str] | None = None

    @classmethod
    def of(
        cls,
        private: Iterable[str],
        *,
        countries: Sequence[str] = (),
        patterns: Sequence[re.Pattern[str]] = (),
    ) -> "Redaction":
        """What these texts hold."""
        made = cls()
        held = list(private)
        # A visitor may write `[email-1]` themselves: that token is then nobody's.
        taken = {_plain_token(match) for text in held for match in _TOKEN.finditer(text)}
        for text in held:
            for span in find_private(text, countries=countries, patterns=patterns):
                made._add(span.kind, text[span.start : span.end], taken)
        return made

    def _add(self, kind: Kind, fact: str, taken: set[str]) -> None:
        if _folded(fact) in self.tokens:
            return
        n = 1
        while (token := f"[{kind}-{n}]") in self.facts or token in taken:
            n += 1
        self.tokens[_folded(fact)], self.facts[token] = token, fact
        self._pattern = None

    def hide(self, text: str) -> str:
        """The text with tokens."""
        if not self.tokens:
            return text
        if self._pattern is None:
            self._pattern = _any_of(self.tokens)
        return self._pattern.sub(lambda match: self.tokens.get(_folded(match.group()), match.group()), text)

    def restore(self, text: str) -> str:
        """The text with the facts again; tokens that were never given stay as they are."""
        return _TOKEN.sub(lambda match: self.facts.get(_plain_token(match), match.group()), text)

    def restorer(self) -> "Restorer":
        """For a stream."""
        return Restorer(self)


class Restorer:
    """Puts facts back into a stream whose pieces may cut a token in two."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be passed on by now."""
        text = self._held + piece
        cut = text.rfind("[", max(0, len(text) - _TOKEN_CHARS))
        cut = len(text) - 1 if cut < 0 and text.endswith("\\") else cut
        if cut > 0 and text[cut - 1] == "\\":
            cut -= 1
        # Only what can still become a token waits: an ordinary bracket must not hold up a sentence.
        if cut >= 0 and self._may_become_token(text[cut:]):
            text, self._held = text[:cut], text[cut:]
        else:
            self._held = ""
        return self._redaction.restore(text)

    def end(self) -> str:
        """What was held back; the stream is over."""
        text, self._held = self._held, ""
        return text

    def _may_become_token(self, start: str) -> bool:
        if _TOKEN_BEGUN.fullmatch(start) is None:
            return False
        word = "".join(char for char in start.lower() if char.isascii() and char.isalpha())
        return any(token[1:].startswith(word) for token in self._redaction.facts)


def _plain_token(match: re.Match[str]) -> str:
    """The token as we give it out, however a model wrote it."""
    return f"[{match[1].lower()}-{int(match[2])}]"
