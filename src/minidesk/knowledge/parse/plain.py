"""Plain text: paragraphs unwrapped, headings and columns taken only where they are obvious."""

import re

from minidesk.knowledge.parse.build import Builder, clean, squeeze, title_from_name
from minidesk.knowledge.records import ParsedDocument

_ITEM = re.compile(r"^\s*(?:[-*•–·▪]|\[[ xX]?\]|(\d{1,3})[.)])\s+(.+)$")
_RULE = re.compile(r"^\s*([=\-~_*#])\1{2,}\s*$")
_GAP = re.compile(r"(?<=\S)(?:\t+| {2,})(?=\S)")
_MAIL = re.compile(r"^(subject|betreff|from|to|date|von|an|datum|cc):\s*(.+)$", re.IGNORECASE)
_HEADING_CHARS = 80
# A file whose longest line is longer was not wrapped by hand: each of its lines is a paragraph.
_WRAP_CHARS = 110


def parse_text(text: str, name: str) -> list[ParsedDocument]:
    """One document; the title is a `Subject:` line or an obvious first heading, else the file's name."""
    lines = (
        clean(text).expandtabs(8).split("\n")
        if "\t" in text and len(text) < 2_000_000
        else clean(text).split("\n")
    )
    title, lines = _subject(lines)
    builder = Builder()
    walk = _Walk(builder, _wrap_width(lines))
    for group in _groups(lines):
        if not title and not builder.blocks and _is_heading(group[0], alone=len(group) == 1):
            title = squeeze(group[0])
            walk.group(group[1:])
        else:
            walk.group(group)
    return [builder.build(title or title_from_name(name))]


def _subject(lines: list[str]) -> tuple[str, list[str]]:
    """A mail's subject, and its lines without the header."""
    title, count = "", 0
    for line in lines[:12]:
        found = _MAIL.match(line)
        if not found:
            break
        count += 1
        if found.group(1).lower() in ("subject", "betreff"):
            title = squeeze(found.group(2))
    return (title, lines[count:]) if title else ("", lines)


def _wrap_width(lines: list[str]) -> int:
    longest = max((len(line) for line in lines if line), default=0)
    return longest if 40 <= longest <= _WRAP_CHARS else 0


def _groups(lines: list[str]) -> list[list[str]]:
    """Lines between empty ones; a rule is an empty line too, unless it underlines."""
    groups: list[list[str]] = [[]]
    for line in lines:
        if line.strip() and not _RULE.match(line):
            groups[-1].append(line.rstrip())
        else:
            if _RULE.match(line) and len(groups[-1]) > 1 and line.strip()[0] in "=-":
                groups.append([groups[-1].pop()])  # the underlined line is a heading of its own
            groups.append([])
    return [group for group in groups if group]


def _is_heading(line: str, *, alone: bool) -> bool:
    text = line.strip()
    if (
        line.startswith((" ", "\t"))
        or len(text) > _HEADING_CHARS
        or not any(c.isalpha() for c in text)
        or _ITEM.match(line)
    ):
        return False
    if text.startswith("#"):
        return True
    words_ = re.sub(r"\([^)]*\)", "", text)
    capital = words_.upper() == words_ and sum(c.isalpha() for c in words_) >= 4
    return capital or (
        alone and text[-1] not in ".,;:!?…\"'" and text[0].isupper() and len(text.split()) <= 8
    )


class _Walk:
    """Turns groups of lines into blocks."""

    def __init__(self, builder: Builder, width: int) -> None:
        self._builder = builder
        self._width = width

    def group(self, lines: list[str]) -> None:
        """One group between empty lines."""
        if not lines:
            return
        indented = (
            len(lines) > 1
            and not lines[0].startswith(" ")
            and all(line.startswith("  ") for line in lines[1:])
        )
        first = lines[0].strip()
        if _is_heading(lines[0], alone=False) or (
            indented and first[-1] not in ".,;!?" and not _ITEM.match(lines[0])
        ):
            self._builder.heading(first.lstrip("# ").rstrip(":"), 2)
            lines = lines[1:]
        elif len(lines) == 1 and _is_heading(lines[0], alone=True):
            self._builder.heading(first, 2)
            return
        self._body(lines)

    def _body(self, lines: list[str]) -> None:
        paragraph: list[str] = []
        texts = self._unwrapped(lines)
        sheet = any(len(_GAP.split(text.strip())) > 2 for text in texts)
        for text in texts:
            item = _ITEM.match(text)
            if item or _GAP.search(text.strip()):
                self._paragraph(paragraph)
                paragraph = []
            if item:
                self._builder.item(item.group(2), number=int(item.group(1)) if item.group(1) else None)
            elif _GAP.search(text.strip()):
                self._builder.item(_columns(text, sheet=sheet))
            else:
                paragraph.append(text)
        self._paragraph(paragraph)

    def _paragraph(self, lines: list[str]) -> None:
        if lines:
            self._builder.paragraph("\n".join(lines))

    def _unwrapped(self, lines: list[str]) -> list[str]:
        """Lines put together again where a line broke only because it was full."""
        joined: list[str] = []
        last = ""
        for line in lines:
            if joined and self._continues(last, line):
                # Two words that a hyphen holds together stay so; a text wrapped by hand is not hyphenated.
                joined[-1] += ("" if last.endswith("-") and last[-2:-1].isalpha() else " ") + line.strip()
            else:
                joined.append(line)
            last = line
        return joined

    def _continues(self, last: str, line: str) -> bool:
        text = line.strip()
        if _ITEM.match(line) or _GAP.search(text):
            return False
        if not self._width:
            return False
        if last.endswith((",", ";")) and len(last) > self._width * 0.7:
            return True
        if _ITEM.match(last) is None and _GAP.search(last.strip()):
            return text[0].islower() and len(last) > self._width * 0.7
        full = len(last) + 1 + len(text.split(" ", 1)[0]) > self._width * 0.93
        return full or (text[0].islower() and len(last) > self._width * 0.5)


def _columns(line: str, *, sheet: bool) -> str:
    """`Mon-Fri   9:30 to 18:30` → `Mon-Fri: 9:30 to 18:30`; beside lines of three columns and more → `a | b | c`."""
    parts = _GAP.split(line.strip())
    if len(parts) == 2 and len(parts[0]) <= 30 and not sheet:
        return f"{parts[0].rstrip(':')}: {parts[1]}"
    return " | ".join(parts)
