"""ZIP files, opened with care: Word files, Excel files and archives of documents."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from minidesk.errors import DocumentProblem, WrongType
from minidesk.knowledge.parse.limits import MEMBERS, RATIO, RATIO_FROM_BYTES, UNPACKED_BYTES

# What a ZIP file that is broken, or lies about itself, makes the reader raise.
BROKEN = (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Sentences:
    """What to tell the owner, by kind of file."""

    damaged: str
    too_much: str
    protected: str
    macros: str = ""


def open_zip(source: Path | bytes) -> zipfile.ZipFile:
    """The archive, its directory read. Raises one of BROKEN."""
    return zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else source)


def check_members(archive: zipfile.ZipFile, say: Sentences) -> None:
    """What the archive says of itself, before anything is unpacked.

    Raises DocumentProblem: `document_too_complex` for too many members or bytes, `document_encrypted`, or
    `document_unreadable` for names that stand twice.
    """
    members = archive.infolist()
    if len(members) > MEMBERS:
        raise DocumentProblem(say.too_much, code="document_too_complex")
    if any(member.flag_bits & 1 for member in members):
        raise DocumentProblem(say.protected, code="document_encrypted")
    if len({member.filename for member in members}) != len(members):
        raise DocumentProblem(say.damaged)
    unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if unpacked > UNPACKED_BYTES or (unpacked > RATIO_FROM_BYTES and unpacked > RATIO * max(1, packed)):
        raise DocumentProblem(say.too_much, code="document_too_complex")


def check_office(archive: zipfile.ZipFile, main: str, say: Sentences, mismatch: str) -> None:
    """An Office file whose first part is `main`, without macros or a password. Raises DocumentProblem or WrongType."""
    names = archive.namelist()
    if main not in names and len(names) <= MEMBERS:
        if "EncryptedPackage" in names:
            raise DocumentProblem(say.protected, code="document_encrypted")
        folder = main.partition("/")[0] + "/"
        if "[Content_Types].xml" in names and any(name.startswith(folder) for name in names):
            raise DocumentProblem(say.damaged)
        raise WrongType(mismatch, code="type_mismatch")
    if any(name.endswith("vbaProject.bin") for name in names):
        raise WrongType(say.macros, code="type_mismatch")
    check_members(archive, say)


def unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, say: Sentences) -> bytes:
    """A member's bytes, counted as they come: the sizes in the directory are what the file claims."""
    limit = min(UNPACKED_BYTES, max(RATIO_FROM_BYTES, RATIO * max(1, member.compress_size)))
    unpacked = io.BytesIO()
    with archive.open(member) as stream:
        while piece := stream.read(65_536):
            unpacked.write(piece)
            if unpacked.tell() > limit:
                raise DocumentProblem(say.too_much, code="document_too_complex")
    return unpacked.getvalue()


def check_xml(data: bytes, say: Sentences) -> None:
    """Office programs never write a document type; entities are how a small file becomes a huge one."""
    if b"<!DOCTYPE" in data[:4096] or b"<!ENTITY" in data[:65_536]:
        raise DocumentProblem(say.damaged)
