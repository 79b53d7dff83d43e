"""An archive of documents: each member is read as the file it is, and counted whatever comes of it."""

import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from minidesk.errors import DocumentProblem, MinideskError
from minidesk.knowledge.parse.archive import BROKEN, Sentences, check_members, open_zip, unpack
from minidesk.knowledge.parse.build import squeeze
from minidesk.knowledge.parse.limits import CHARS
from minidesk.knowledge.records import ParsedDocument, SkippedDocument

_SAY = Sentences(
    damaged="This archive is damaged and could not be opened. Pack it again and upload that copy.",
    too_much="This archive holds more than may be unpacked. Split it into several archives and upload those.",
    protected="This archive is protected by a password. Pack it again without one and upload that copy.",
)
_NESTED = "This is an archive inside an archive. Unpack it and upload its files."
_LINK = "This is a link to another file. Put the file itself into the archive."
_UNREADABLE = "This file could not be unpacked. Pack the archive again and upload that copy."


def parse_zip(source: Path | bytes, name: str) -> list[ParsedDocument | SkippedDocument]:
    """The members' documents, with ids such as `archive.zip/inner/path.md` and `archive.zip/faq.csv#3`.

    Folders, hidden files and what macOS adds are passed over; every other member gives a row at least.
    Raises DocumentProblem `document_unreadable`, `document_encrypted`, `document_too_complex` or `file_empty`.
    """
    try:
        with open_zip(source) as archive:
            check_members(archive, _SAY)
            found = list(_documents(archive, name))
    except (*BROKEN, zipfile.LargeZipFile) as error:
        raise DocumentProblem(_SAY.damaged) from error
    if not found:
        raise DocumentProblem(
            "This archive holds no files. Check what you packed, and upload it again.", code="file_empty"
        )
    return found


def _documents(archive: zipfile.ZipFile, name: str) -> Iterator[ParsedDocument | SkippedDocument]:
    characters = 0
    for member in archive.infolist():
        inner = _inner_path(member.filename)
        if member.is_dir() or any(part.startswith((".", "__MACOSX")) for part in inner.split("/")):
            continue
        for item in _member(archive, member, inner):
            characters += len(item.text) if isinstance(item, ParsedDocument) else 0
            if characters > CHARS:
                raise DocumentProblem(_SAY.too_much, code="document_too_complex")
            yield _placed(item, f"{name}/{inner}")


def _inner_path(filename: str) -> str:
    """The member's path, without steps that lead out of the archive; it is a name here, never a place on a disk."""
    parts = (squeeze(part) for part in filename.replace("\\", "/").split("/"))
    return "/".join(part for part in parts if part.strip(" .")) or "file"


def _placed(item: ParsedDocument | SkippedDocument, path: str) -> ParsedDocument | SkippedDocument:
    """With an id below the archive's; an entry's own id is kept."""
    own = item.external_id
    if own is None or own.startswith("#"):
        return replace(item, external_id=f"{path}{own or ''}")
    return item


def _member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, inner: str
) -> Sequence[ParsedDocument | SkippedDocument]:
    """What one member holds; a member that cannot be read is told with its reason, and the others go on."""
    from minidesk.knowledge.parse.formats import parse_bytes

    if stat.S_ISLNK(member.external_attr >> 16):
        return [SkippedDocument(None, inner, _LINK, failed=True)]
    if inner.lower().endswith((".zip", ".7z", ".rar", ".tar", ".gz", ".tgz")):
        return [SkippedDocument(None, inner, _NESTED, failed=True)]
    try:
        return parse_bytes(unpack(archive, member, _SAY), inner)
    except BROKEN:
        return [SkippedDocument(None, inner, _UNREADABLE, failed=True)]
    except MinideskError as error:
        # A kind of file that is never read is no fault of the archive's.
        return [SkippedDocument(None, inner, error.message, failed=error.code != "type_not_allowed")]
