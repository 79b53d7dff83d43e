"""Word files, read straight from their XML: only three members are unpacked, and every byte of them is counted."""

import copy
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from lxml import etree

from minidesk.errors import DocumentProblem
from minidesk.knowledge.parse.archive import BROKEN, Sentences, check_office, check_xml, open_zip, unpack
from minidesk.knowledge.parse.build import Builder, squeeze, title_from_name
from minidesk.knowledge.parse.concealed import alike, colour
from minidesk.knowledge.parse.detect import MISMATCH
from minidesk.knowledge.records import ParsedDocument

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"
# Deleted text, field codes and comments' marks are no part of what a reader sees.
_LEFT_OUT = frozenset(
    {f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", f"{_W}rPr", f"{_W}pPr", f"{_W}sectPr", _FALLBACK}
)
_SAY = Sentences(
    damaged="This Word file is damaged and could not be opened. Open it in Word, save it again as .docx, and upload that copy.",
    too_much="This Word file unpacks to far more than it should. Save it again without embedded files and pictures, and upload that copy.",
    protected="This Word file is protected by a password. Remove the password and upload it again.",
    macros="This Word file holds macros. Save it as a plain .docx and upload that copy.",
)
_TABLE_DEPTH = 3
_TINY_HALF_POINTS = 4
# Drawn shapes have a ground of their own.
_OWN_GROUND = frozenset({f"{_W}txbxContent"})
_PROPERTIES = {f"{_W}p": f"{_W}pPr", f"{_W}tc": f"{_W}tcPr", f"{_W}tbl": f"{_W}tblPr"}


def parse_docx(source: Path | bytes, name: str) -> list[ParsedDocument]:
    """One document: headings by style, lists with their numbers, tables with their first row as the header.

    Raises DocumentProblem `document_unreadable`, `document_encrypted` or `document_too_complex`, and WrongType for other ZIP files.
    """
    try:
        with open_zip(source) as archive:
            check_office(archive, "word/document.xml", _SAY, MISMATCH)
            body = _xml(archive, "word/document.xml")
            look = _optional(archive, "word/styles.xml")
            styles = _Styles(look)
            numbering = _Numbering(_optional(archive, "word/numbering.xml"))
            core = _optional(archive, "docProps/core.xml")
    except (*BROKEN, etree.XMLSyntaxError) as error:
        raise DocumentProblem(_SAY.damaged) from error
    _inherit(body, look)
    builder = Builder()
    title = _Walk(builder, styles, numbering).run(body)
    meta = squeeze((core.findtext(_TITLE) or "") if core is not None else "")
    if not builder.blocks and not title:
        raise DocumentProblem(
            "This Word file holds no text. Check that you saved it, and upload it again.",
            code="document_has_no_text",
        )
    document = builder.build(
        title
        or (meta if meta.lower() not in ("", "word document", "untitled") else "")
        or title_from_name(name)
    )
    return [replace(document, concealed=_concealments(body))]


def _xml(archive: zipfile.ZipFile, member: str) -> etree._Element:
    data = unpack(archive, archive.getinfo(member), _SAY)
    check_xml(data, _SAY)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    return etree.fromstring(data, parser)


def _optional(archive: zipfile.ZipFile, member: str) -> etree._Element | None:
    return _xml(archive, member) if member in archive.namelist() else None


def _value(element: etree._Element | None, path: str) -> str | None:
    found = element.find(path) if element is not None else None
    return found.get(f"{_W}val") if found is not None else None


# What of a style can hide text: with the ground, which may be what shows it.
_HIDING = tuple(f"{_W}{name}" for name in ("vanish", "sz", "color", "shd", "highlight"))


class _Styles:
    """What paragraph styles mean: a heading's level, a title, a list."""

    def __init__(self, root: etree._Element | None) -> None:
        self._names: dict[str, str] = {}
        self._parents: dict[str, str] = {}
        self._outlines: dict[str, int] = {}
        self._numbers: dict[str, tuple[str, int]] = {}
        for style in root.iter(f"{_W}style") if root is not None else ():
            key = style.get(f"{_W}styleId") or ""
            self._names[key] = (_value(style, f"{_W}name") or "").lower()
            self._parents[key] = _value(style, f"{_W}basedOn") or ""
            outline = _value(style, f"{_W}pPr/{_W}outlineLvl")
            if outline and outline.isdecimal():
                self._outlines[key] = int(outline)
            number = _value(style, f"{_W}pPr/{_W}numPr/{_W}numId")
            if number:
                level = _value(style, f"{_W}pPr/{_W}numPr/{_W}ilvl") or "0"
                self._numbers[key] = (number, int(level) if level.isdecimal() else 0)

    def _chain(self, key: str) -> Iterator[str]:
        for _ in range(10):  # styles may be based on each other in a ring
            if not key:
                return
            yield key
            key = self._parents.get(key, "")

    def heading(self, key: str) -> int | None:
        """0 for the title, 1 to 9 for headings, None for anything else."""
        for style in self._chain(key):
            name = self._names.get(style, style.lower())
            found = re.match(r"(?:heading|überschrift|titre) ?([1-9])", name)
            if found:
                return int(found.group(1))
            if name in ("title", "titel"):
                return 0
            if self._outlines.get(style, 9) < 9:
                return self._outlines[style] + 1
        return None

    def number(self, key: str) -> tuple[str, int] | None:
        """The list definition that a style brings along: (numId, level)."""
        return next((self._numbers[style] for style in self._chain(key) if style in self._numbers), None)

    def list_name(self, key: str) -> str:
        """`list bullet 2`, `list number`, or empty."""
        return next(
            (
                self._names.get(s, "")
                for s in self._chain(key)
                if self._names.get(s, "").startswith(("list bullet", "list number"))
            ),
            "",
        )


class _Numbering:
    """Which lists count and which have bullets."""

    def __init__(self, root: etree._Element | None) -> None:
        self._bullets: dict[tuple[str, int], bool] = {}
        self._counts: dict[str, dict[int, int]] = {}
        if root is None:
            return
        kinds = {
            (abstract.get(f"{_W}abstractNumId"), level.get(f"{_W}ilvl")): _value(level, f"{_W}numFmt")
            for abstract in root.iter(f"{_W}abstractNum")
            for level in abstract.iter(f"{_W}lvl")
        }
        for number in root.iter(f"{_W}num"):
            abstract = _value(number, f"{_W}abstractNumId")
            for (owner, level), kind in kinds.items():
                if owner == abstract and level and level.isdecimal():
                    self._bullets[number.get(f"{_W}numId") or "", int(level)] = kind in ("bullet", "none")

    def next(self, number: str, level: int) -> int | None:
        """The item's number, or None for a bullet."""
        if self._bullets.get((number, level), True):
            return None
        counts = self._counts.setdefault(number, {})
        for deeper in [key for key in counts if key > level]:
            del counts[deeper]
        counts[level] = counts.get(level, 0) + 1
        return counts[level]


@dataclass(slots=True)
class _Walk:
    """Feeds the builder with the body's paragraphs and tables in order."""

    builder: Builder
    styles: _Styles
    numbering: _Numbering
    title: str = ""
    _counted: int = field(default=0)  # of a list that has a style but no definition

    def run(self, root: etree._Element) -> str:
        """Reads the body and gives the title, empty where there is none."""
        body = root.find(f"{_W}body")
        for element in _members(body if body is not None else root):
            if element.tag == f"{_W}p":
                self._paragraph(element)
            else:
                self._table(element)
        return self.title

    def _paragraph(self, paragraph: etree._Element) -> None:
        text = _text(paragraph)
        if not text.strip():
            return
        properties = paragraph.find(f"{_W}pPr")
        style = _value(properties, f"{_W}pStyle") or ""
        heading = self.styles.heading(style)
        if heading is not None:
            self._counted = 0
            if heading <= 1 and not self.title and not self.builder.blocks:
                self.title = squeeze(text)
            else:
                self.builder.heading(text, max(1, heading))
            return
        number, level, is_item = self._numbered(properties, style)
        if is_item:
            self.builder.item(text, number=number, level=level)
        else:
            self._counted = 0
            self.builder.paragraph(text)

    def _numbered(self, properties: etree._Element | None, style: str) -> tuple[int | None, int, bool]:
        name = self.styles.list_name(style)
        depth = int(name[-1]) - 1 if name[-1:].isdecimal() else 0
        own, level = (
            _value(properties, f"{_W}numPr/{_W}numId"),
            _value(properties, f"{_W}numPr/{_W}ilvl") or "0",
        )
        defined = (own, int(level) if level.isdecimal() else 0) if own else self.styles.number(style)
        if name.startswith("list number") and not own:
            # Word counts such lists through the whole file; readers expect each to begin at 1.
            self._counted += 1
            return self._counted, depth, True
        if defined and defined[0] != "0":
            return self.numbering.next(*defined), defined[1] or depth, True
        return None, depth, bool(name)

    def _table(self, table: etree._Element, depth: int = 0) -> None:
        rows = [list(_members(row, f"{_W}tc")) for row in _members(table, f"{_W}tr")]
        self._counted = 0
        if max((len(row) for row in rows), default=0) <= 1 and depth < _TABLE_DEPTH:
            for row in rows:  # a frame around text
                for cell in row:
                    for element in _members(cell):
                        if element.tag == f"{_W}p":
                            self._paragraph(element)
                        else:
                            self._table(element, depth + 1)
            return
        texts = [_cells(row) for row in rows]
        self.builder.table(texts[0] if len(texts) > 1 else None, texts[1:] if len(texts) > 1 else texts)


def _members(element: etree._Element, *tags: str) -> Iterator[etree._Element]:
    """Paragraphs and tables (or `tags`) directly inside, content controls and insertions looked through."""
    wanted = tags or (f"{_W}p", f"{_W}tbl")
    stack = [iter(element)]
    while stack:
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
        elif child.tag in wanted:
            yield child
        elif child.tag in (f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}smartTag", f"{_W}customXml"):
            stack.append(iter(child))


def _text(paragraph: etree._Element) -> str:
    """The visible words of a paragraph."""
    parts: list[str] = []
    stack = [iter(paragraph)]
    while stack:
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
        elif child.tag == f"{_W}t":
            parts.append(child.text or "")
        elif child.tag in (f"{_W}tab", f"{_W}noBreakHyphen"):
            parts.append(" " if child.tag == f"{_W}tab" else "-")
        elif child.tag in (f"{_W}br", f"{_W}cr"):
            parts.append("\n")
        elif child.tag not in _LEFT_OUT and not (
            child.tag == f"{_W}r" and (_vanished(child) or _concealed(child))
        ):
            stack.append(iter(child))
    return "".join(parts)


def _inherit(body: etree._Element, look: etree._Element | None) -> None:
    """Write what hides text into each run that has it from a style, where it would be seen as if it were shown.

    Drawings and shapes that are hidden go.
    """
    hidden = [
        shape
        for shape in body.iter("{*}drawing", "{*}shape")
        if (
            shape.tag.endswith("}shape")
            and "visibility:hidden" in (shape.get("style") or "").replace(" ", "")
        )
        or any(one.get("hidden") in ("1", "true") for one in shape.iter("{*}docPr"))
    ]
    for shape in hidden:
        above = shape.getparent()
        if above is not None:
            above.remove(shape)
    if look is None:
        return
    styles = {style.get(f"{_W}styleId", ""): style for style in look.iter(f"{_W}style")}
    usual = next(
        (
            id_
            for id_, style in styles.items()
            if style.get(f"{_W}type") == "paragraph" and style.get(f"{_W}default") in ("1", "true")
        ),
        "",
    )
    known: dict[str, list[etree._Element]] = {}
    for paragraph in body.iter(f"{_W}p"):
        below = _of_style(styles, _value(paragraph, f"{_W}pPr/{_W}pStyle") or usual, known)
        for run in paragraph.iterchildren(f"{_W}r", f"{_W}hyperlink", f"{_W}ins", f"{_W}smartTag"):
            for inner in [run] if run.tag == f"{_W}r" else run.iter(f"{_W}r"):
                marked = _of_style(styles, _value(inner, f"{_W}rPr/{_W}rStyle") or "", known)
                if below or marked:
                    _give(inner, [*marked, *below])


def _of_style(
    styles: dict[str, etree._Element], name: str, known: dict[str, list[etree._Element]]
) -> list[etree._Element]:
    """What a style and those that it is based on say of hiding, the nearest first."""
    if name not in known:
        found: dict[str, etree._Element] = {}
        at, seen = name, set[str]()
        while at in styles and at not in seen:
            seen.add(at)
            style = styles[at]
            for tag in _HIDING:
                mark = style.find(f"{_W}rPr/{tag}")
                mark = style.find(f"{_W}pPr/{tag}") if mark is None and tag == f"{_W}shd" else mark
                if mark is not None:
                    found.setdefault(tag, mark)
            at = _value(style, f"{_W}basedOn") or ""
        # Without a colour of the letters, that of the ground hides nothing.
        known[name] = list(found.values())
    return known[name]


def _give(run: etree._Element, marks: list[etree._Element]) -> None:
    own = run.find(f"{_W}rPr")
    if own is None:
        own = etree.Element(f"{_W}rPr")
        run.insert(0, own)
    for mark in marks:
        if own.find(mark.tag) is None:
            own.append(copy.copy(mark))


def _vanished(run: etree._Element) -> bool:
    mark = run.find(f"{_W}rPr/{_W}vanish")
    return mark is not None and mark.get(f"{_W}val", "1") not in ("0", "false")


def _concealed(run: etree._Element) -> bool:
    """Whether nobody could read it: text of a point, or white on a page of which nothing says that its ground is dark."""
    own = run.find(f"{_W}rPr")
    if own is None:
        return False
    size = _value(own, f"{_W}sz")
    if size and size.isdecimal() and int(size) <= _TINY_HALF_POINTS:
        return True
    ink = colour(f"#{_value(own, f'{_W}color') or ''}")
    if ink is None:
        return False
    if own.find(f"{_W}highlight") is not None:
        return False  # its colours are many, and a marked text is meant to be seen
    grounds = [own.find(f"{_W}shd")]
    for above in run.iterancestors():
        if above.tag in _OWN_GROUND:
            return False
        properties = above.find(_PROPERTIES[above.tag]) if above.tag in _PROPERTIES else None
        if properties is not None:
            if above.tag == f"{_W}tbl" and properties.find(f"{_W}tblStyle") is not None:
                return False  # a style may colour its rows
            grounds.append(properties.find(f"{_W}shd"))
        if above.tag == f"{_W}document" and above.find(f"{_W}background") is not None:
            return False
    fills = (ground.get(f"{_W}fill") or "auto" for ground in grounds if ground is not None)
    said = next((fill for fill in fills if fill != "auto"), "FFFFFF")
    return alike(ink, colour(f"#{said}"))


def _concealments(body: etree._Element) -> int:
    """Paragraphs with text that nobody could read."""
    return sum(
        any(
            _concealed(run) and "".join(text.text or "" for text in run.iter(f"{_W}t")).strip()
            for run in paragraph.iter(f"{_W}r")
        )
        for paragraph in body.iter(f"{_W}p")
    )


def _cells(row: list[etree._Element]) -> list[str]:
    """Cell texts by column; a cell that spans columns has empty ones behind it."""
    texts: list[str] = []
    for cell in row:
        span = _value(cell, f"{_W}tcPr/{_W}gridSpan") or "1"
        texts += [
            " ".join(_text(p) for p in cell.iter(f"{_W}p")),
            *[""] * (min(int(span), 50) - 1 if span.isdecimal() else 0),
        ]
    return texts
