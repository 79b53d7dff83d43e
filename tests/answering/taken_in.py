"""A few pages, taken in and asked as the commands do: with the real search, and without a model."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from minidesk.answering.outcome import Answered, Question, Turn
from minidesk.ask import Asker, answer
from minidesk.operations import ingest_paths, open_for_asking
from minidesk.settings import load_settings


@dataclass(frozen=True)
class TakenIn:
    """What answers about the pages."""

    site_id: str
    asker: Asker

    async def ask(self, *said: str) -> Answered:
        """The answer to the last of these messages, each asked after the ones before it."""
        history: list[Turn] = []
        for text in said:
            found = await answer(self.asker, Question(self.site_id, text, tuple(history)))
            history += [Turn("visitor", text), Turn("assistant", found.text)]
        return found


@asynccontextmanager
async def taken_in(folder: Path, pages: Mapping[str, str]) -> AsyncIterator[TakenIn]:
    """`pages`: texts by file name; they and the data are written into `folder`."""
    (folder / "pages").mkdir()
    for name, text in pages.items():
        (folder / "pages" / name).write_text(text, encoding="utf-8")
    settings = load_settings(data_dir=folder / "data")
    async for line in ingest_paths(settings, [folder / "pages"], None, None, lambda _: None):
        assert line.state != "failed", line
    async with open_for_asking(settings, None) as (site_id, answers):
        yield TakenIn(site_id, answers.asker)
