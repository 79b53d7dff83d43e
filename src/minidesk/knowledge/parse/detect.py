"""What a file is: its bytes, its extension and its declared type have to agree (T7)."""

from pathlib import Path
from typing import Literal

from minidesk.errors import DocumentProblem, WrongType

Format = Literal["markdown", "text", "html", "csv", "jsonl", "json", "pdf", "docx", "xlsx", "zip"]

HEAD_BYTES = 4096
TAIL_BYTES = 66_000  # a ZIP's end record stands in the last 64 KB

EXTENSIONS: dict[str, Format] = {
    ".md": "markdown", ".markdown": "markdown", ".mkd": "markdown",
    ".txt": "text", ".text": "text",
    ".html": "html", ".htm": "html", ".xhtml": "html",
    ".csv": "csv", ".tsv": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".json": "json",
    ".pdf": "pdf", ".docx": "docx", ".xlsx": "xlsx", ".zip": "zip",
}  # fmt: skip
_DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Browsers and systems declare text in many ways; what matters is that none of them means something that can run.
_DECLARED: dict[Format, frozenset[str]] = {
    "markdown": frozenset({"text/markdown", "text/x-markdown", "text/plain"}),
    "text": frozenset({"text/plain"}),
    "html": frozenset({"text/html", "application/xhtml+xml"}),
    "csv": frozenset(
        {"text/csv", "text/tab-separated-values", "text/plain", "application/csv", "application/vnd.ms-excel"}
    ),
    "jsonl": frozenset(
        {
            "application/jsonl",
            "application/x-ndjson",
            "application/jsonlines",
            "application/json-lines",
            "application/json",
            "text/plain",
        }
    ),
    "pdf": frozenset({"application/pdf", "application/x-pdf"}),
    "json": frozenset({"application/json", "text/json", "text/plain"}),
    "docx": frozenset({_DOCX_TYPE}),
    "xlsx": frozenset({_XLSX_TYPE}),
    "zip": frozenset({"application/zip", "application/x-zip-compressed", "multipart/x-zip"}),
}
_BY_TYPE: dict[str, Format] = {
    "text/markdown": "markdown", "text/plain": "text", "text/html": "html", "text/csv": "csv",
    "application/x-ndjson": "jsonl", "application/jsonl": "jsonl", "application/pdf": "pdf", _DOCX_TYPE: "docx",
    "application/json": "json", _XLSX_TYPE: "xlsx", "application/zip": "zip", "application/x-zip-compressed": "zip",
}  # fmt: skip
_BINARY = (
    b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM6", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\x7fELF", b"MZ", b"{\\rtf", b"RIFF",
    b"\xca\xfe\xba\xbe", b"SQLite format 3", b"OggS", b"ID3", b"BZh", b"\xfd7zXZ", b"%!PS",
)  # fmt: skip
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_OLD = {"docx": ".doc", "xlsx": ".xls"}

MISMATCH = "This file is not what its name says. Check that the ending fits the content, and upload it again."


def detect(name: str, declared: str | None, head: bytes, tail: bytes, size: int) -> Format:
    """The format of a file called `name` whose first and last bytes are `head` and `tail`.

    Raises DocumentProblem `file_empty` or `document_encrypted`, WrongType `type_not_allowed` or `type_mismatch`.
    """
    if size == 0 or not (head.strip(b" \t\r\n\x00\xef\xbb\xbf\xff\xfe") or size > len(head)):
        raise DocumentProblem(
            "This file is empty. Check that you saved it, and upload it again.", code="file_empty"
        )
    kind = _by_name(name, declared)
    type_declared = (declared or "").split(";")[0].strip().lower()
    if (
        type_declared not in ("", "application/octet-stream", "binary/octet-stream")
        and type_declared not in _DECLARED[kind]
    ):
        raise WrongType(MISMATCH, code="type_mismatch")
    if kind in _OLD and head.startswith(_OLE):
        raise DocumentProblem(
            f"This file is protected by a password, or is in the old {_OLD[kind]} format. Remove the password, save it as .{kind}, and upload that copy.",
            code="document_encrypted",
        )
    if not _content_fits(kind, head, tail):
        raise WrongType(MISMATCH, code="type_mismatch")
    return kind


def check_name(name: str, declared: str | None) -> Format:
    """The format that a name promises, before any byte has come. Raises WrongType `type_not_allowed`."""
    return _by_name(name, declared)


def _by_name(name: str, declared: str | None) -> Format:
    extension = Path(name).suffix.lower()
    if extension in EXTENSIONS:
        return EXTENSIONS[extension]
    kind = _BY_TYPE.get((declared or "").split(";")[0].strip().lower())
    if extension or kind is None or Path(name).name.startswith("."):
        raise WrongType
    return kind


def _content_fits(kind: Format, head: bytes, tail: bytes) -> bool:
    stripped = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    start = stripped[:1024].lower()
    markup = start.startswith((b"<!doctype html", b"<html", b"<svg"))
    is_zip = head.startswith(b"PK\x03\x04")
    if kind == "pdf":
        # A file that is two things at once is shown by one program and run by another.
        return (
            stripped.startswith(b"%PDF-")
            and b"<html" not in start
            and b"<script" not in start
            and not _ends_as_zip(tail)
        )
    if kind in ("docx", "xlsx", "zip"):
        # An archive without members begins with its end.
        empty = kind == "zip" and head.startswith(b"PK\x05\x06")
        return (is_zip or empty) and b"%PDF-" not in head[:1024]
    if is_zip or b"%PDF-" in head[:1024] or head.startswith((_OLE, *_BINARY)):
        return False
    if kind == "html":
        return b"<" in head or b"\x00" in head
    if kind == "jsonl" and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return stripped.startswith(b"{")
    if kind == "json" and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return stripped.startswith((b"{", b"["))
    return not markup


def _ends_as_zip(tail: bytes) -> bool:
    at = tail.rfind(b"PK\x05\x06")
    return (
        at >= 0
        and len(tail) - at >= 22
        and at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little") == len(tail)
    )
