"""What a file that somebody attaches is. Its bytes decide; its ending and its declared type must agree with them (T7).

What a browser could run (HTML, SVG, XML) is none of these, whatever it is called.
"""

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from minidesk.errors import Invalid, WrongType

Group = Literal["picture", "document", "sound"]

_OFFICE = "application/vnd.openxmlformats-officedocument"
# Members of a Word file or workbook; one with more was made to keep a reader busy.
MOST_MEMBERS = 2000
_NO_TYPE = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_MARKUP = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*<(?:!doctype|!--|\?xml|html|head|body|svg|script|iframe)", re.IGNORECASE
)
# Text has no control characters but tabs, line ends, form feeds, and escape in a few old encodings.
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")

NOT_TAKEN = (
    "This kind of file is not taken. Send a picture (PNG, JPEG, WebP, GIF), PDF, text, CSV, DOCX or XLSX."
)
MISMATCH = "This file is not what its name says. Check that its ending fits the content, and send it again."


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: how it is served, what it may be called, and what senders may say that it is."""

    type: str
    endings: tuple[str, ...]
    group: Group
    declared: frozenset[str] = frozenset()  # beside `type`


PNG = Kind("image/png", (".png",), "picture")
JPEG = Kind("image/jpeg", (".jpg", ".jpeg", ".jfif"), "picture", frozenset({"image/jpg", "image/pjpeg"}))
WEBP = Kind("image/webp", (".webp",), "picture")
GIF = Kind("image/gif", (".gif",), "picture")
PDF = Kind("application/pdf", (".pdf",), "document", frozenset({"application/x-pdf"}))
DOCX = Kind(f"{_OFFICE}.wordprocessingml.document", (".docx",), "document")
XLSX = Kind(f"{_OFFICE}.spreadsheetml.sheet", (".xlsx",), "document")
TEXT = Kind("text/plain", (".txt", ".text", ".log"), "document", frozenset({"text/x-log"}))
CSV = Kind(
    "text/csv",
    (".csv",),
    "document",
    frozenset({"text/plain", "application/csv", "application/vnd.ms-excel"}),
)
WEBM = Kind("audio/webm", (".webm",), "sound", frozenset({"video/webm"}))
OGG = Kind("audio/ogg", (".ogg", ".oga", ".opus"), "sound", frozenset({"application/ogg", "audio/opus"}))
MP4 = Kind("audio/mp4", (".mp4", ".m4a"), "sound", frozenset({"video/mp4", "audio/x-m4a", "audio/m4a"}))
WAV = Kind("audio/wav", (".wav",), "sound", frozenset({"audio/x-wav", "audio/wave", "audio/vnd.wave"}))

ATTACHED = (PNG, JPEG, WEBP, GIF, PDF, DOCX, XLSX, TEXT, CSV)
VOICE = (WEBM, OGG, MP4, WAV)
# What a file field offers to choose from.
ACCEPT = ",".join(ending for kind in ATTACHED for ending in kind.endings)


def kind_of(name: str, declared: str, data: bytes, allowed: tuple[Kind, ...] = ATTACHED) -> Kind:
    """The kind of a file called `name`. CPU work where it is an archive: call it off the event loop.

    A name without an ending is taken (a pasted screenshot may have none). Raises Invalid `file_empty`, and WrongType
    `type_not_allowed` or `type_mismatch`.
    """
    if not data.strip(b" \t\r\n\0"):
        raise Invalid("This file is empty. Check that it was saved, and send it again.", code="file_empty")
    ending = PurePosixPath(name).suffix.lower()
    by_name = next((kind for kind in allowed if ending in kind.endings), None)
    if ending and by_name is None:
        raise WrongType(NOT_TAKEN)
    found = _by_content(data, by_name)
    if found is None or found not in allowed:
        raise WrongType(MISMATCH, code="type_mismatch") if by_name else WrongType(NOT_TAKEN)
    said = declared.partition(";")[0].strip().lower()
    fits = said in _NO_TYPE or said == found.type or said in found.declared
    if not fits or (by_name is not None and by_name != found):
        raise WrongType(MISMATCH, code="type_mismatch")
    return found


def _by_content(data: bytes, by_name: Kind | None) -> Kind | None:
    """By magic bytes. Plain text has none: there the name decides between text and CSV."""
    if data.startswith((b"RIFF", b"PK\x03\x04", b"%PDF-")):
        return _container(data)
    starts = {
        b"\x89PNG\r\n\x1a\n": PNG,
        b"\xff\xd8\xff": JPEG,
        b"GIF87a": GIF,
        b"GIF89a": GIF,
        b"\x1a\x45\xdf\xa3": WEBM,
        b"OggS": OGG,
    }
    found = next((kind for start, kind in starts.items() if data.startswith(start)), None)
    if found is not None:
        return found
    if data[4:8] == b"ftyp":
        return MP4
    return (by_name or TEXT) if by_name in (None, TEXT, CSV) and _is_text(data) else None


def _container(data: bytes) -> Kind | None:
    if data.startswith(b"RIFF"):
        return {b"WEBP": WEBP, b"WAVE": WAV}.get(data[8:12])
    if data.startswith(b"%PDF-"):
        # A file that is two things at once is shown by one program and run by another.
        head = data[:1024].lower()
        is_two = b"<html" in head or b"<script" in head or zipfile.is_zipfile(io.BytesIO(data[-66_000:]))
        return None if is_two else PDF
    return _office(data)


def _office(data: bytes) -> Kind | None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = {info.filename for info in archive.infolist()[: MOST_MEMBERS + 1]}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError):
        return None
    macros = any(name.endswith("vbaProject.bin") for name in names)
    if len(names) > MOST_MEMBERS or macros or "[Content_Types].xml" not in names:
        return None
    return DOCX if "word/document.xml" in names else XLSX if "xl/workbook.xml" in names else None


def _is_text(data: bytes) -> bool:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError:
            return False
    return not _CONTROLS.search(data) and not _MARKUP.match(data[:1024])
