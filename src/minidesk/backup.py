"""`minidesk backup` and `restore`: everything that cannot be made again, in one file.

A ZIP of `rows/TABLE.jsonl`, `files/SHA256`, `attachments/SHA256` and `manifest.json`, read from one snapshot while a server runs. Indexes and
caches stay out: the next start builds them from the rows, vectors included, so nothing is embedded again. The rows do
not depend on the database, so a desk also moves from SQLite to PostgreSQL this way.
"""

import asyncio
import io
import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError
from sqlalchemy import select

from minidesk import __version__
from minidesk.db import Database, Tx
from minidesk.db.dump import Kind, TableShape, count_on, dump_rows, load_rows, shapes
from minidesk.db.migrate import current_revision, migrate, migrate_to
from minidesk.db.models import Attachment, DocumentVersion, Site, Source
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.files import FileStore
from minidesk.knowledge.owner_lock import OwnerLock
from minidesk.settings import Settings
from minidesk.wiring import Core, attachment_files

FORMAT = 1
_MANIFEST = "manifest.json"
# A line of a large document's text compresses to a third; the strongest setting takes four times as long for 2 % less.
_LEVEL = 5
_PRIVATE = 0o600  # it holds what visitors wrote


class Manifest(BaseModel):
    """What a backup says of itself."""

    format: int
    minidesk: str
    revision: str  # of the database's tables
    made_at: str
    tables: dict[str, list[tuple[str, Kind]]]
    rows: dict[str, int]
    files: int
    missing: list[str]  # checksums of files that rows name and the data folder does not hold


@dataclass(frozen=True, slots=True)
class Report:
    """What was written or put back."""

    rows: int
    files: int
    missing: int

    def sentence(self, what: str) -> str:
        """For the operator."""
        lost = f" {self.missing} files that rows name were not there." if self.missing else ""
        return f"{what}: {self.rows:,} rows and {self.files:,} files.{lost}"


async def backup(core: Core, target: Path) -> Report:
    """Write everything to `target`, which appears only when it is complete and was read back.

    Raises Conflict where `target` exists.
    """
    if await asyncio.to_thread(target.exists):
        raise Conflict(f"{target.name} exists: choose another name, an older backup is not overwritten.")
    partial = target.with_name(target.name + ".partial")
    try:
        await asyncio.to_thread(partial.touch, _PRIVATE)
        report = await _write(core, partial)
        await asyncio.to_thread(_settle, partial, target)
    finally:
        await asyncio.to_thread(partial.unlink, missing_ok=True)
    return report


async def _write(core: Core, path: Path) -> Report:
    counts: dict[str, int] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        async with core.db.read() as tx:
            revision = await current_revision(tx)
            for shape in shapes():
                counts[shape.name] = await _write_table(tx, archive, shape)
            wanted = {
                *await tx.scalars(select(Source.sha256)),
                *await tx.scalars(select(DocumentVersion.sha256)),
            }
            sent = set(await tx.scalars(select(Attachment.sha256)))
        missing = await _write_files(core.files, archive, sorted(wanted))
        missing += await _write_files(attachment_files(core.settings), archive, sorted(sent), "attachments")
        manifest = Manifest(
            format=FORMAT,
            minidesk=__version__,
            revision=revision,
            made_at=core.clock().isoformat(),
            tables={shape.name: list(shape.columns) for shape in shapes()},
            rows=counts,
            files=len(wanted) + len(sent) - len(missing),
            missing=missing,
        )
        archive.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
    return Report(sum(counts.values()), manifest.files, len(missing))


async def _write_table(tx: Tx, archive: zipfile.ZipFile, shape: TableShape) -> int:
    count = 0
    # A table of a few hundred megabytes is streamed: held as a whole it would not fit beside a server.
    with archive.open(f"rows/{shape.name}.jsonl", "w", force_zip64=True) as entry:
        async for line in dump_rows(tx, shape):
            await asyncio.to_thread(entry.write, f"{line}\n".encode())
            count += 1
    return count


async def _write_files(
    files: FileStore, archive: zipfile.ZipFile, checksums: list[str], folder: str = "files"
) -> list[str]:
    missing = []
    for sha256 in checksums:
        try:
            await asyncio.to_thread(archive.write, files.path(sha256), f"{folder}/{sha256}")
        except (FileNotFoundError, NotFound):
            missing.append(sha256)
    return missing


def _settle(partial: Path, target: Path) -> None:
    """Read it back, put it on the disk, and only then give it its name: half a backup must not look like one."""
    with zipfile.ZipFile(partial) as archive:
        broken = archive.testzip()
    if broken is not None:
        raise Invalid(f"The backup could not be read back ({broken}): check the disk and try again.")
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)


async def restore(settings: Settings, source: Path) -> Report:
    """Put a backup into an empty data folder and database.

    Raises Conflict where there is a desk already or a server runs, and Invalid for a file that is no backup of ours.
    """
    with OwnerLock(settings.data_dir):
        db = Database(settings.resolved_database_url)
        try:
            with _opened(source) as archive:
                manifest = _manifest(archive)
                await _check_empty(db)
                files = await _load_files(FileStore(settings.data_dir / "files"), archive)
                files += await _load_files(attachment_files(settings), archive, "attachments")
                await migrate_to(db, settings.data_dir, manifest.revision)
                rows = await _load_tables(db, archive, manifest)
            await migrate(db, settings.data_dir)
        finally:
            await db.close()
    return Report(rows, files, len(manifest.missing))


def _opened(source: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError) as problem:
        raise Invalid(
            f"{source.name} is no backup of minidesk, or was cut short.", code="backup_unreadable"
        ) from problem
    return archive


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        manifest = Manifest.model_validate(json.loads(archive.read(_MANIFEST)))
    except (KeyError, ValueError, ValidationError) as problem:
        raise Invalid("This file is no backup of minidesk.", code="backup_unreadable") from problem
    if manifest.format > FORMAT:
        raise Invalid(
            f"This backup was made by minidesk {manifest.minidesk}: install that version or a newer one.",
            code="backup_too_new",
        )
    return manifest


async def _check_empty(db: Database) -> None:
    async with db.connect() as connection:
        known = await connection.run_sync(lambda sync: sync.dialect.has_table(sync, Site.__tablename__))
    if not known:
        return
    async with db.read() as tx:
        if (await tx.scalars(select(Site.id).limit(1))).first() is not None:
            raise Conflict(
                "There is a desk here already: restore into an empty data folder (MINIDESK_DATA_DIR) and database.",
                code="not_empty",
            )


async def _load_files(files: FileStore, archive: zipfile.ZipFile, wanted: str = "files") -> int:
    count = 0
    for name in archive.namelist():
        folder, _, sha256 = name.partition("/")
        if folder != wanted:
            continue
        data = await asyncio.to_thread(archive.read, name)
        stored = await files.put(data, limit=len(data))
        if stored.sha256 != sha256:
            raise Invalid(f"The backup is damaged: {name} does not hold what it says.", code="backup_damaged")
        count += 1
    return count


async def _load_tables(db: Database, archive: zipfile.ZipFile, manifest: Manifest) -> int:
    """All rows in one transaction: a restore that fails leaves the database empty."""
    total = 0
    async with db.write() as tx:
        for name, columns in manifest.tables.items():
            shape = TableShape(name, tuple(columns))
            count = await load_rows(tx, shape, _lines(archive, f"rows/{name}.jsonl"))
            if count != manifest.rows[name]:
                raise Invalid(
                    f"The backup is damaged: {name} should have {manifest.rows[name]} rows and has {count}.",
                    code="backup_damaged",
                )
            total += count
        await count_on(tx)
    return total


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    with archive.open(name) as entry:
        yield from io.TextIOWrapper(entry, encoding="utf-8")
