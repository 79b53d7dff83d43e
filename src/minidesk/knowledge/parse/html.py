"""Web pages: the main content, read from an lxml tree (the standard library's parser takes quadratic time)."""

import re
from collections.abc import Iterator
from dataclasses import replace

from lxml import etree
from lxml import html as lxml_html

from minidesk.errors import DocumentProblem
from minidesk.knowledge.parse.build import Builder, squeeze, title_from_name
from minidesk.knowledge.parse.concealed import hidden_by_itself, remove_concealed
from minidesk.knowledge.records import ParsedDocument

_DROPPED = frozenset(
    "script style noscript template svg math canvas iframe object embed form button input select textarea nav footer aside dialog audio video picture img map head title meta link datalist noframes rp".split()  # noqa: SIM905 (a list of 30 strings cannot be read)
)
_BLOCKS = frozenset(
    "p div section article main header blockquote figure figcaption address center fieldset body html dl hgroup details li td th".split()  # noqa: SIM905 (the same)
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_HIDING_CLASS = re.compile(
    r"(?:^|\s)(?:sr-only|visually-hidden|screen-reader-text|hidden|skip|skip-link|breadcrumbs?|cookie-(?:banner|notice|consent))(?:\s|$)",
    re.IGNORECASE,
)
_HIDING_ROLE = frozenset(
    {"navigation", "banner", "contentinfo", "search", "dialog", "complementary", "alert"}
)
# Deeper pages exist only to exhaust somebody; the text inside is read, without structure.
_DEPTH = 150
# A main element with less than this is a frame around something else.
_MAIN_CHARS = 40


def parse_html(text: str, name: str) -> list[ParsedDocument]:
    """One document from a page: title from its h1, else from `<title>` without the site's name."""
    root = _tree(text)
    concealed = remove_concealed(root)
    if concealed:
        text = lxml_html.tostring(root, encoding="unicode")  # trafilatura reads it again
    title = _title(root) or title_from_name(name)
    language = (root.get("lang") or "")[:2].lower() or None
    builder = Builder()
    _Walk(builder, title).run(_main(root, text))
    canonical = root.xpath("//link[@rel='canonical']/@href")
    url = str(canonical[0]) if canonical and str(canonical[0]).startswith(("https://", "http://")) else None
    return [replace(builder.build(title, url=url, language=language), concealed=concealed)]


def fragment_text(markup: str) -> str:
    """The words of a piece of HTML inside another format."""
    if "<" not in markup:
        return markup
    try:
        root = _tree(f"<body>{markup}</body>")
    except DocumentProblem:
        return ""  # only a comment or a lone tag: there were no words
    remove_concealed(root)
    builder = Builder()
    _Walk(builder, "").run(root)
    return builder.build("").text


def _tree(text: str) -> lxml_html.HtmlElement:
    parser = lxml_html.HTMLParser(huge_tree=False, no_network=True, remove_comments=True, remove_pis=True)
    # lxml refuses a string that declares an encoding; ours is decoded already.
    body = re.sub(r"^\s*<\?xml[^>]{0,200}\?>", "", text)
    try:
        root = lxml_html.document_fromstring(body, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise DocumentProblem(
            "This page could not be read. Save it again as a complete web page and upload that copy."
        ) from error
    return root


def _title(root: lxml_html.HtmlElement) -> str:
    for heading in root.iter("h1"):
        words = squeeze(_words(heading))
        if words:
            return words
    found = root.find(".//title")
    # "Gear rental | Shop" and "Gear rental – Shop": the page's own part stands first.
    return re.split(r"\s+[|–—·•]\s+", squeeze(found.text or ""))[0] if found is not None else ""


def _main(root: lxml_html.HtmlElement, text: str) -> lxml_html.HtmlElement:
    """The element that holds the content: the page's own `<main>` or `<article>`, else what trafilatura finds."""
    for path in ("//main", "//*[@role='main']", "//article"):
        marked = root.xpath(path)
        if len(marked) == 1 and len(_words(marked[0])) >= _MAIN_CHARS:
            return marked[0]
    body = root.find("body")
    own = body if body is not None else root
    if root.xpath("//nav | //footer | //header | //aside") or len(text) < 2_000:
        return own  # the walk leaves out what the page itself calls navigation
    found = _extracted(text)
    return own if found is None else found


def _extracted(text: str) -> lxml_html.HtmlElement | None:
    """Trafilatura's choice, for pages that do not say which part is the content."""
    import trafilatura

    found = trafilatura.extract(
        text,
        output_format="html",
        include_tables=True,
        include_links=False,
        include_comments=False,
        favor_recall=True,
    )
    return _tree(found) if found and len(found) >= _MAIN_CHARS else None


def _hidden(element: lxml_html.HtmlElement) -> bool:
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        return True
    return bool(
        hidden_by_itself(element.get("style", ""))
        or _HIDING_CLASS.search(element.get("class", ""))
        or element.get("role", "") in _HIDING_ROLE
    )


def _dropped(element: lxml_html.HtmlElement) -> bool:
    if not isinstance(element.tag, str) or element.tag in _DROPPED:
        return True
    # The site's own header; one inside an article belongs to it.
    return (element.tag == "header" and element.getparent().tag == "body") or _hidden(element)


def _words(element: lxml_html.HtmlElement, *, stop: frozenset[str] = frozenset()) -> str:
    """All visible text below `element`, blocks a line apart; elements in `stop` are left out."""
    parts: list[str] = []
    for event, node in _visible(element, stop):
        if event == "start":
            if node.tag == "br" or node.tag in _BLOCKS:
                parts.append("\n")
            parts.append(_inner(node.text))
        else:
            if node.tag in _BLOCKS:
                parts.append("\n")
            if node is not element:
                parts.append(_inner(node.tail))
    return re.sub(r" *\n[ \n]*", "\n", "".join(parts)).strip()


def _inner(text: str | None) -> str:
    """Source line breaks mean nothing on a page."""
    return re.sub(r"\s+", " ", text) if text else ""


def _visible(
    element: lxml_html.HtmlElement, stop: frozenset[str]
) -> Iterator[tuple[str, lxml_html.HtmlElement]]:
    """Start and end of every visible element below, without recursion: depth must not end the process."""
    stack: list[tuple[str, lxml_html.HtmlElement]] = [("start", element)]
    while stack:
        event, node = stack.pop()
        if event == "start" and node is not element and (_dropped(node) or node.tag in stop):
            if node.tail:
                yield "end", node
            continue
        yield event, node
        if event == "start":
            stack.append(("end", node))
            stack.extend(("start", child) for child in reversed(node))


class _Walk:
    """Feeds the builder with headings, paragraphs, items, tables and code in page order."""

    def __init__(self, builder: Builder, title: str) -> None:
        self._builder = builder
        self._title = title
        self._loose: list[str] = []

    def run(self, root: lxml_html.HtmlElement) -> None:
        """Read everything below `root`."""
        self._children(root, 0, 0)
        self._flush()

    def _flush(self) -> None:
        """Text between elements is a paragraph of its own."""
        text = "".join(self._loose)
        self._loose = []
        if text.strip():
            self._builder.paragraph(text)

    def _children(self, element: lxml_html.HtmlElement, depth: int, level: int) -> None:
        self._loose.append(_inner(element.text))
        for child in element:
            if not _dropped(child):
                self._element(child, depth, level)
            self._loose.append(_inner(child.tail))

    def _element(self, element: lxml_html.HtmlElement, depth: int, level: int) -> None:
        tag = str(element.tag)
        if tag == "br":
            self._loose.append("\n")
        elif tag in _HEADINGS or tag == "summary":
            self._heading(element, tag)
        elif tag in ("ul", "ol", "menu"):
            self._flush()
            self._list(element, depth, level)
        elif tag == "table":
            self._flush()
            self._table(element, depth)
        elif tag == "pre":
            self._flush()
            self._builder.code(element.text_content())
        elif tag == "dt":
            self._flush()
            self._loose.append(_words(element).rstrip(":") + ": ")
        elif tag == "dd":
            self._loose.append(_words(element))
            self._flush()
        elif tag in _BLOCKS or depth > _DEPTH:
            self._flush()
            if depth > _DEPTH:
                self._loose.append(_words(element))
            else:
                self._children(element, depth + 1, level)
            self._flush()
        elif any(
            child.tag in _BLOCKS or child.tag in ("ul", "ol", "table", "pre") or child.tag in _HEADINGS
            for child in element
        ):
            self._children(element, depth + 1, level)  # an inline element around blocks
        else:
            self._loose.append(_words(element))

    def _heading(self, element: lxml_html.HtmlElement, tag: str) -> None:
        self._flush()
        words = squeeze(_words(element))
        if tag == "h1" and words == self._title:
            return
        # A summary opens a part of its own (folded answers); it stands below the headings that pages use.
        self._builder.heading(words, int(tag[1]) if tag in _HEADINGS else 6)

    def _list(self, element: lxml_html.HtmlElement, depth: int, level: int) -> None:
        number = None
        if element.tag == "ol":
            start = element.get("start", "1")
            number = int(start) if start.isdecimal() and len(start) < 7 else 1
        for child in element:
            if _dropped(child):
                continue
            if child.tag in ("ul", "ol", "menu"):  # wrong, but common: a list straight inside a list
                self._list(child, depth + 1, level + 1)
                continue
            nested = frozenset({"ul", "ol", "menu", "table"})
            self._builder.item(_words(child, stop=nested), number=number, level=level)
            if number is not None:
                number += 1
            if depth < _DEPTH:
                self._nested(child, depth + 1, level + 1)

    def _nested(self, element: lxml_html.HtmlElement, depth: int, level: int) -> None:
        """Lists and tables inside an item, wherever they stand in it."""
        for child in element:
            if _dropped(child):
                continue
            if child.tag in ("ul", "ol", "menu"):
                self._list(child, depth, level)
            elif child.tag == "table":
                self._table(child, depth)
            elif depth < _DEPTH:
                self._nested(child, depth + 1, level)

    def _table(self, table: lxml_html.HtmlElement, depth: int) -> None:
        rows = [row for row in table.iter("tr") if next(row.iterancestors("table")) is table]
        caption = table.find("caption")
        if caption is not None:
            self._builder.paragraph(_words(caption))
        cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in rows]
        if max((len(row) for row in cells), default=0) <= 1 and depth < _DEPTH:
            for row in cells:  # a table for the layout
                for cell in row:
                    self._children(cell, depth + 1, 0)
                    self._flush()
            return
        texts = [_spread(row) for row in cells]
        header = None
        if cells and (all(c.tag == "th" for c in cells[0]) or rows[0].getparent().tag == "thead"):
            header, texts = texts[0], texts[1:]
        elif cells and all(len(row) == 2 and row[0].tag == "th" for row in cells):
            texts = [
                [f"{row[0].rstrip(':')}: {row[1]}"] for row in texts
            ]  # names at the left, values at the right
        self._builder.table(header, texts)


def _spread(row: list[lxml_html.HtmlElement]) -> list[str]:
    """Cell texts; one that spans columns stands once, with empty ones behind it, so that the others keep their columns."""
    texts: list[str] = []
    for cell in row:
        span = cell.get("colspan", "1")
        texts += [_words(cell), *[""] * (min(int(span), 50) - 1 if span.isdecimal() and len(span) < 4 else 0)]
    return texts
