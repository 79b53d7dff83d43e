"""Uploaded pages whose text a person may change in the console: Markdown and plain text, one document a file.

What came from a website, a PDF or an office program cannot be written back as text; it is changed where it was made.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from sqlalchemy import select

from minidesk.db import Database
from minidesk.db.models import Source
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.files import FileStore
from minidesk.knowledge.sources import Maker, Sources, SourceState
from minidesk.text.normalise import check_text

ENDINGS = (".md", ".markdown", ".txt")
TEXT_CHARS = 60_000  # some thirty printed pages: what is longer is no page that one corrects in a field
_HEADING = re.compile(r"(#{1,6})[ \t]+(.+?)[ \t]*#*")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")


@dataclass(frozen=True, slots=True)
class PageText:
    """A page as it was uploaded last, with lines that end in "\\n"; `generation` tells whether it has changed since."""

    source: str
    path: str
    text: str
    generation: int


class Pages:
    """Reads and replaces the texts of uploaded files of a site."""

    def __init__(self, db: Database, sources: Sources, files: FileStore) -> None:
        self._db = db
        self._sources = sources
        self._files = files

    async def read(self, site_id: str, source_id: str) -> PageText | None:
        """The page; None where its text cannot be changed here. Raises `NotFound`."""
        source = await self._source(site_id, source_id)
        if source.kind != "file" or PurePosixPath(source.path).suffix.lower() not in ENDINGS:
            return None
        try:
            text = (await self._files.read(source.sha256)).decode("utf-8-sig")
        except UnicodeDecodeError:
            return None  # in the code page of some old program: written back it would be another file
        text = text.replace("\r\n", "\n")
        return PageText(source.id, source.path, text, source.generation) if len(text) <= TEXT_CHARS else None

    async def replace(
        self, site_id: str, source_id: str, text: str, generation: int, author: str | None = None
    ) -> SourceState:
        """A new version of the page; until it is ready the old one answers.

        Raises `NotFound`, `Invalid` for no text or too much, and `Conflict` where the page has changed since `generation`.
        """
        written = check_text(text, TEXT_CHARS)
        if not written.strip():
            raise Invalid("Write the text of the page.", code="text_missing")
        page = await self.read(site_id, source_id)
        if page is None:
            raise Invalid("This page cannot be changed here. Write a new entry instead.", code="not_a_text")
        if page.generation != generation:
            raise Conflict(
                "Somebody changed this page while you were writing. Copy what you wrote, open the draft again and put it in."
            )
        return await self._sources.store(
            site_id=site_id,
            path=page.path,
            data=f"{written.rstrip()}\n".encode(),
            maker=Maker("entry", author),
        )

    async def _source(self, site_id: str, source_id: str) -> Source:
        async with self._db.read() as tx:
            source = await tx.scalar(select(Source).where(Source.id == source_id, Source.site_id == site_id))
        if source is None:
            raise NotFound
        return source


def with_answer(page: PageText, section: str, question: str, answer: str) -> str:
    """The page's text with an answer at the end of a section, or of the page where it has none of that name.

    Under a heading of its own, one step below the section's: what was asked is what the next one looks for. Plain text has
    no headings; there the question is a line.
    """
    lines = page.text.rstrip("\n").split("\n")
    title = " ".join(question.split())
    if not page.path.lower().endswith((".md", ".markdown")):
        return "\n".join([*lines, "", *([title] if title else []), answer.strip(), ""])
    headings = list(_headings(lines))
    found = next(((at, depth) for at, depth, name in headings if name == section), None)
    start, depth = found or (len(lines), 1)
    end = next((at for at, _, _ in headings if at > start), len(lines))
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1  # what stands behind the section keeps its distance
    head = [f"{'#' * min(depth + 1, 6)} {title}", ""] if title else []
    return "\n".join([*lines[:end], "", *head, answer.strip(), *lines[end:], ""])


def _headings(lines: list[str]) -> list[tuple[int, int, str]]:
    """(line, depth, words) of the headings; what looks like one in a block of code is none."""
    found: list[tuple[int, int, str]] = []
    fence = ""
    for at, line in enumerate(lines):
        if mark := _FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
        elif not fence and (heading := _HEADING.fullmatch(line)):
            found.append((at, len(heading[1]), heading[2]))
    return found
