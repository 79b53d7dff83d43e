"""From a file to documents: detects the format and calls its parser. Runs in the child process only."""

from collections.abc import Sequence
from pathlib import Path

from minidesk.errors import DocumentProblem, TooLarge
from minidesk.knowledge.parse.decode import decode
from minidesk.knowledge.parse.detect import HEAD_BYTES, TAIL_BYTES, Format, detect
from minidesk.knowledge.parse.limits import CHARS
from minidesk.knowledge.records import ParsedDocument, SkippedDocument

# Bytes of a text file: four million-character files in UTF-16 fit; more is refused before it is read.
_TEXT_BYTES = CHARS * 4


def parse_path(
    path: Path, name: str, content_type: str | None, max_bytes: int
) -> Sequence[ParsedDocument | SkippedDocument]:
    """The documents of one file. Raises DocumentProblem, WrongType or TooLarge with a sentence for its owner."""
    if not path.exists():
        raise DocumentProblem("The stored copy of this file is missing. Upload it again.")
    size = path.stat().st_size
    if size > max_bytes:
        raise TooLarge(
            f"This file is larger than {max_bytes / 1_000_000:.0f} MB. Split it, or make it smaller, and upload it again."
        )
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
    return _checked(_parse(detect(name, content_type, head, tail, size), path, name, size))


def parse_bytes(data: bytes, name: str) -> Sequence[ParsedDocument | SkippedDocument]:
    """The documents of a file inside an archive. Raises as `parse_path` does."""
    kind = detect(name, None, data[:HEAD_BYTES], data[-TAIL_BYTES:], len(data))
    return _checked(_parse(kind, data, name, len(data)))


def _checked(
    found: Sequence[ParsedDocument | SkippedDocument],
) -> Sequence[ParsedDocument | SkippedDocument]:
    documents = [item for item in found if isinstance(item, ParsedDocument)]
    if len(found) == 1 and documents and not documents[0].text.strip():
        raise DocumentProblem(
            "This file is empty: no text was found in it. Check that you saved it, and upload it again.",
            code="file_empty",
        )
    return found


def _parse(
    kind: Format, source: Path | bytes, name: str, size: int
) -> Sequence[ParsedDocument | SkippedDocument]:
    """Calls the one parser; each is imported only when it is needed, so that a text file does not pay for PDFium."""
    if kind == "pdf":
        from minidesk.knowledge.parse.pdf import parse_pdf

        return parse_pdf(source, name)
    if kind == "docx":
        from minidesk.knowledge.parse.docx import parse_docx

        return parse_docx(source, name)
    if kind == "xlsx":
        from minidesk.knowledge.parse.xlsx import parse_xlsx

        return parse_xlsx(source, name)
    if kind == "zip":
        from minidesk.knowledge.parse.zip import parse_zip

        return parse_zip(source, name)
    if size > _TEXT_BYTES:
        raise DocumentProblem(
            "This file holds more than five million characters. Split it into several files and upload those.",
            code="document_too_complex",
        )
    data = source if isinstance(source, bytes) else source.read_bytes()
    return _parse_text(kind, decode(data, html=kind == "html"), name)


def _parse_text(kind: Format, text: str, name: str) -> Sequence[ParsedDocument | SkippedDocument]:
    if kind == "markdown":
        from minidesk.knowledge.parse.build import clean
        from minidesk.knowledge.parse.markdown import parse_markdown

        return parse_markdown(clean(text), name)
    if kind == "html":
        from minidesk.knowledge.parse.html import parse_html

        return parse_html(text, name)
    if kind == "csv":
        from minidesk.knowledge.parse.sheet import parse_csv

        return parse_csv(text, name)
    if kind == "jsonl":
        from minidesk.knowledge.parse.jsonl import parse_jsonl

        return parse_jsonl(text, name)
    if kind == "json":
        from minidesk.knowledge.parse.jsonl import parse_json

        return parse_json(text, name)
    from minidesk.knowledge.parse.plain import parse_text

    return parse_text(text, name)
