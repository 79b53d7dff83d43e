"""Kept answers on a real database: given for the same question while the pages say the same, and never otherwise."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.questions import DIFFERENT
from tests.answering.shop import Script
from tests.conftest import FakeClock
from tests.knowledge.shelf import put, put_texts
from tests.rows import add_site

from minidesk.answering.compose import Manner
from minidesk.answering.known import KnownAnswers
from minidesk.answering.outcome import Answered, Citation, Clarify, ProvedSentence, Question, Reply, Turn
from minidesk.answering.privacy import SiteWishes
from minidesk.ask import Asker
from minidesk.db import Database
from minidesk.db.models import KeptAnswer, Site
from minidesk.errors import DatabaseBusy
from minidesk.fulltext import FullText
from minidesk.gateway import CallRecord
from minidesk.knowledge.answer_cache import KEPT_FOR, AnswerCache
from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.exact_index import ExactIndex
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.records import Passage, SearchResult
from minidesk.knowledge.search import Searcher
from minidesk.live import Hub
from minidesk.settings import Settings

MANNER = Manner(800, 0.1, "", "Shop")
PAGES = {
    "returns.md": "You can return articles within 30 days after delivery. Articles have to be unworn, with all tags.",
    "shipping.md": "Shipping to Norway costs €18.90 and takes five to seven working days.",
    "hours.md": "Our telephone is answered from Monday to Friday, 9:00 to 17:00.",
    "vouchers.md": "A voucher is valid for three years from the day it was bought.",
}
ASKED = "How long can I return something?"
ANSWER = "You can return articles within 30 days after delivery. Articles have to be unworn, with all tags."


@dataclass
class Ledger:
    """Lines as they are booked."""

    lines: list[CallRecord] = field(default_factory=list)

    async def book(self, record: CallRecord) -> None:
        """The sink."""
        self.lines.append(record)


@dataclass
class Desk:
    """A site with pages, an asker with a scripted model over them, and its ledger."""

    db: Database
    clock: FakeClock
    embedder: Embedder
    site: Site
    fulltext: FullText
    ledger: Ledger
    settings: Settings
    model: Script = field(default_factory=lambda: Script([]))

    @property
    def known(self) -> KnownAnswers:
        """The cache as the product wires it."""
        return KnownAnswers(AnswerCache(self.db, self.clock), self.ledger.book, "mini")

    async def follow(self) -> None:
        """Bring the full text up to date."""
        await Follower(self.db, None, self.fulltext, Hub(), self.clock).catch_up()

    async def write(self, **pages: str) -> None:
        """Pages by name (`returns` is returns.md), embedded, and the full text after them."""
        texts = {f"{name}.md": text for name, text in pages.items()}
        await put_texts(self.db, self.clock, self.site.id, self.embedder, texts)
        await self.follow()

    async def ask(self, text: str, *history: Turn, says: str = ANSWER, site_prompt: str = "") -> Answered:
        """The answer; the model says `says` if it is asked."""
        self.model.replies = [says]
        searcher = Searcher(
            self.db, self.embedder, ExactIndex(self.db, self.embedder.fingerprint), self.fulltext, self.clock
        )
        asker = Asker(
            searcher, self.embedder.documents, self.model, self.settings, self.clock, known=self.known
        )
        parts = [
            part async for part in asker.ask(Question(self.site.id, text, history), SiteWishes(site_prompt))
        ]
        last = parts[-1]
        assert isinstance(last, Answered)
        assert last.text == "".join(part.text for part in parts[:-1]) or not isinstance(last.outcome, Reply)
        return last

    async def kept(self) -> list[KeptAnswer]:
        """The rows."""
        async with self.db.read() as tx:
            return list(await tx.scalars(select(KeptAnswer).order_by(KeptAnswer.created_at)))


@pytest.fixture
async def desk(
    db: Database, clock: FakeClock, embedder: Embedder, settings: Settings, tmp_path: Path
) -> AsyncIterator[Desk]:
    """Four pages, written two minutes ago."""
    site = await add_site(db, clock)
    fulltext = FullText(tmp_path / "fulltext")
    made = Desk(db, clock, embedder, site, fulltext, Ledger(), settings)
    await put_texts(db, clock, site.id, embedder, PAGES)
    await made.follow()
    clock.advance(minutes=2)
    yield made
    fulltext.close()


# ---------------------------------------------------------------- given again


async def test_the_same_question_gets_the_same_answer_at_no_cost_and_stands_in_the_ledger(desk: Desk) -> None:
    first = await desk.ask(ASKED)
    assert (first.text, first.model, first.cost_micros) == (ANSWER, "mini", 180)
    again = await desk.ask("Hi, how long can I return something please?", says="")
    assert (again.outcome, again.text, again.citations) == (Reply(), ANSWER, first.citations)
    assert (again.model, again.tokens, again.cost_micros) == ("cache", 0, 0)
    assert len(desk.model.requests) == 1
    [line] = desk.ledger.lines
    assert (line.purpose, line.model, line.cost_micros, line.site_id, line.outcome) == (
        "answer",
        "cache",
        0,
        desk.site.id,
        "ok",
    )


async def test_no_word_of_the_visitor_is_kept(desk: Desk) -> None:
    await desk.ask("Hello, I am Zenobia. How long can I return something?")
    [row] = await desk.kept()
    stored = " ".join(str(getattr(row, column)) for column in KeptAnswer.__table__.columns.keys())  # noqa: SIM118 (a collection of columns, not a dict)
    assert "enobia" not in stored


async def test_it_holds_while_other_pages_come_and_change(desk: Desk) -> None:
    filler = {f"note{n}": f"Note {n}: the {word} is kept in room {n}." for n, word in enumerate(_WORDS)}
    await desk.write(**filler)
    desk.clock.advance(minutes=2)
    await desk.ask(ASKED)
    count = len(desk.model.requests)
    await desk.write(careers="We look for three boot makers with a driving licence.")
    assert (await desk.ask(ASKED)).model == "cache"
    assert len(desk.model.requests) == count


_WORDS = ("return form", "return label", "delivery note", "returned article", "article list", "delivery van", "day book")  # fmt: skip


# ---------------------------------------------------------------- the pages changed


async def test_an_edit_of_a_cited_page_counts_from_its_commit_on(desk: Desk) -> None:
    await desk.ask(ASKED)
    assert (await desk.ask(ASKED)).model == "cache"
    # No index has followed: SQL alone decides.
    new = "You can return articles within 14 days after delivery. Articles have to be unworn, with all tags."
    await put_texts(desk.db, desk.clock, desk.site.id, desk.embedder, {"returns.md": new})
    edited = await desk.ask(ASKED, says=new)
    assert (edited.model, edited.text) == ("mini", new)


async def test_an_edit_of_a_page_that_was_only_shown_counts_as_well(desk: Desk) -> None:
    await desk.ask(ASKED)
    await desk.write(vouchers="A voucher is valid for two years from the day it was bought.")
    assert (await desk.ask(ASKED)).model == "mini"


async def test_a_page_taken_away_takes_its_answers_along(desk: Desk) -> None:
    await desk.ask(ASKED)
    await put(desk.db, desk.clock, desk.site.id, "returns.md", [])
    assert isinstance((await desk.ask(ASKED, says="NOT_FOUND")).outcome, Clarify)


async def test_a_new_page_that_answers_better_is_not_missed(desk: Desk) -> None:
    await desk.ask(ASKED)
    new = "How long can I return something? Since March you can return something for 60 days after delivery."
    await desk.write(faq=new)
    told = await desk.ask(ASKED, says="Since March you can return something for 60 days after delivery.")
    assert (told.model, "60 days" in told.text) == ("mini", True)
    # The page was written this minute, and an index may lag: until that is over every question is asked anew.
    assert (await desk.ask(ASKED)).model == "mini"
    desk.clock.advance(minutes=2)
    await desk.ask(ASKED, says="Since March you can return something for 60 days after delivery.")
    assert (await desk.ask(ASKED, says="")).model == "cache"


async def test_what_changed_while_the_model_was_writing_is_not_kept_as_current(desk: Desk) -> None:
    result = await _result(desk)
    await desk.write(returns="You can return articles within 14 days after delivery.")
    await desk.known.keep(Question(desk.site.id, ASKED), ASKED, result, MANNER, _sentences(result), "mini")
    assert await desk.known.find(Question(desk.site.id, ASKED), ASKED, result, MANNER) == ()


# ---------------------------------------------------------------- not the same


async def test_another_manner_of_asking_has_answers_of_its_own(desk: Desk) -> None:
    await desk.ask(ASKED)
    assert (await desk.ask(ASKED, site_prompt="Speak like a pirate.")).model == "mini"
    assert (await desk.ask(ASKED)).model == "cache"


async def test_only_whole_and_proved_answers_are_kept(desk: Desk) -> None:
    for says in (
        f"{ANSWER} We will refund you twice.",  # a sentence was dropped
        "You can return articles within 30 days after delivery. Articles have to be un",  # the stream was cut
        "NOT_FOUND",
        "We promise everything.",  # extracts answer
    ):
        await desk.ask(ASKED, says=says)
        assert await desk.kept() == [], says
    await desk.ask(ASKED)
    assert len(await desk.kept()) == 1


async def test_a_follow_up_that_leans_on_its_conversation_is_neither_kept_nor_given(desk: Desk) -> None:
    history = (Turn("visitor", "How much is shipping to Austria?"), Turn("assistant", "It costs €4.90."))
    norway = "Shipping to Norway costs €18.90 and takes five to seven working days."
    await desk.ask("and to Norway?", *history, says=norway)
    assert await desk.kept() == []
    await desk.ask("and to Norway?", says=norway)
    assert (await desk.ask("and to Norway?", *history, says=norway)).model != "cache"
    # One that stands on its own gets the answer of the same question in any conversation.
    await desk.ask(ASKED)
    assert (await desk.ask(ASKED, *history)).model == "cache"


async def test_what_is_about_today_is_asked_every_day(desk: Desk) -> None:
    hours = "Our telephone is answered from Monday to Friday, 9:00 to 17:00."
    for _ in range(2):
        assert (await desk.ask("Is your telephone answered today?", says=hours)).model == "mini"


async def test_old_answers_are_made_anew_and_forgotten(desk: Desk) -> None:
    await desk.ask(ASKED)
    desk.clock.advance(days=KEPT_FOR.days, minutes=1)
    assert (await desk.ask("How long can I return articles?")).model == "mini"
    assert len(await desk.kept()) == 1
    assert (await desk.ask(ASKED)).model == "mini"


async def test_without_the_cache_every_question_is_asked(desk: Desk) -> None:
    asker = Asker(
        Searcher(
            desk.db, desk.embedder, ExactIndex(desk.db, desk.embedder.fingerprint), desk.fulltext, desk.clock
        ),
        desk.embedder.documents,
        Script([ANSWER, ANSWER]),
        desk.settings,
        desk.clock,
    )
    for _ in range(2):
        parts = [part async for part in asker.ask(Question(desk.site.id, ASKED))]
        assert isinstance(parts[-1], Answered)
        assert parts[-1].model == "mini"
    assert await desk.kept() == []


async def test_a_database_that_is_busy_costs_a_model_call_and_no_answer(desk: Desk) -> None:
    class Busy:
        async def find(self, *_: object) -> None:
            raise DatabaseBusy

        async def keep(self, *_: object) -> None:
            raise DatabaseBusy

    known = KnownAnswers(Busy(), desk.ledger.book, "mini")
    result = await _result(desk)
    question = Question(desk.site.id, ASKED)
    assert await known.find(question, ASKED, result, MANNER) == ()
    await known.keep(question, ASKED, result, MANNER, _sentences(result), "mini")


# ---------------------------------------------------------------- the suite: no false hit


async def test_no_question_ever_gets_the_answer_of_another_one(desk: Desk) -> None:
    """Each question of each pair is kept; none of the others finds it, nor does another site, nor anyone after an edit.

    The passages found are the same for all of them: whatever search did, only the question tells them apart here.
    """
    result = await _result(desk)
    other_site = await add_site(desk.db, desk.clock, "Nordwind")
    questions = sorted({text for pair in DIFFERENT for text in (pair.one, pair.other)})
    for text in questions:
        await desk.known.keep(_q(desk, text), text, result, MANNER, _named(result, text), "mini")
    false_hits: list[str] = []
    checked = 0
    for text in questions:
        told = await desk.known.find(_q(desk, text), text, result, MANNER)
        assert [sentence.text for sentence in told] == [text], (
            "its own answer is found, or this suite shows nothing"
        )
        checked += 1
        if await desk.known.find(replace(_q(desk, text), site_id=other_site.id), text, result, MANNER):
            false_hits.append(f"another site: {text}")
    for pair in DIFFERENT:
        told = await desk.known.find(_q(desk, pair.other), pair.other, result, MANNER)
        if [sentence.text for sentence in told] == [pair.one]:
            false_hits.append(f"{pair.kind}: {pair.one} / {pair.other}")
    await desk.write(returns="You can return articles within 14 days after delivery.")
    fresh = await _result(desk)
    for text in questions:
        held = [await desk.known.find(_q(desk, text), text, found, MANNER) for found in (result, fresh)]
        if any(held):
            false_hits.append(f"edited source: {text}")
    assert checked > 150
    assert false_hits == []


async def test_the_oldest_answers_go_when_there_are_too_many(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minidesk.knowledge.answer_cache.MOST", 2)
    result = await _result(desk)
    for n in range(4):
        text = f"What is thing {n}?"
        await desk.known.keep(_q(desk, text), text, result, MANNER, _named(result, text), "mini")
        desk.clock.advance(seconds=1)
    assert [row.sentences[0]["text"] for row in await desk.kept()] == ["What is thing 2?", "What is thing 3?"]


def _q(desk: Desk, text: str) -> Question:
    return Question(desk.site.id, text)


async def _result(desk: Desk) -> SearchResult:
    searcher = Searcher(
        desk.db, desk.embedder, ExactIndex(desk.db, desk.embedder.fingerprint), desk.fulltext, desk.clock
    )
    return await searcher.search(desk.site.id, ASKED)


def _sentences(result: SearchResult) -> list[ProvedSentence]:
    return _named(result, "You can return articles within 30 days after delivery.")


def _named(result: SearchResult, text: str) -> list[ProvedSentence]:
    """One sentence that cites the first passage, and that can be told from every other one."""
    first: Passage = result.passages[0]
    citation = Citation(1, first.chunk, first.document, first.document_id, first.version_id, first.title, first.url, first.text, first.start, first.end)  # fmt: skip
    return [ProvedSentence(text, (citation,))]
