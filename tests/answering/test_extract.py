"""Answers made of a page's own words."""

import hashlib
import time
from collections.abc import Sequence

import pytest

from minidesk.answering import asks
from minidesk.answering.extract import extract
from minidesk.answering.facts import facts, within
from minidesk.answering.followup import candidates
from minidesk.answering.outcome import Turn
from minidesk.answering.pieces import MAX_WORDS
from minidesk.answering.rank import Stored, WordNearness, rank
from minidesk.answering.stream import SentenceStream
from minidesk.answering.trouble import troubles
from minidesk.answering.units import cut
from minidesk.answering.wants_human import wants_human
from minidesk.knowledge.embed import Embedder, Floats
from minidesk.knowledge.records import Passage
from minidesk.text.besides import besides
from tests.answering.shop import EXPRESS, PASSWORD, PICKUP, RATES, RETURNS, SHOP, passage


async def answer(embedder: Embedder, question: str, passages: tuple[Passage, ...] = SHOP) -> str:
    ranking = await rank(asks.read(question), passages, embedder.documents, WordNearness(embedder.documents))
    proved = extract(ranking, passages)
    by_chunk = {p.chunk: p for p in passages}
    for sentence in proved:
        for citation in sentence.citations:
            source = by_chunk[citation.chunk]
            assert source.text[citation.start - source.start : citation.end - source.start] == citation.quote
    text = "".join(sentence.text for sentence in proved)
    assert len(text.split()) <= MAX_WORDS
    return text


async def test_a_row_reads_as_words_in_the_column_asked_for(embedder: Embedder) -> None:
    assert (
        await answer(embedder, "How much is shipping to Germany for a 3 kg parcel?")
        == "Germany – 2–10 kg: €7.90."
    )
    assert "€4.90" in await answer(embedder, "what does shipping to Austria cost for 1 kg")


async def test_steps_come_whole_and_in_order(embedder: Embedder) -> None:
    text = await answer(embedder, "How do I reset my password?")
    assert text.startswith("1. Click Sign in")
    assert "\n2. Enter your e-mail address." in text
    assert "\n3. Open the link" in text


async def test_the_sentence_that_holds_what_is_asked_comes_first(embedder: Embedder) -> None:
    assert (await answer(embedder, "How long can I return something?")).startswith(
        "You can return articles within 30 days"
    )
    assert "+43 512 555 0142" in await answer(embedder, "what's your phone number?")
    assert "own ID" in await answer(embedder, "Can somebody else collect my order?")


async def test_yes_to_another_question_is_no_answer(embedder: Embedder) -> None:
    extra = passage(
        "No, none of our payment methods costs extra.", question="Does PayPal cost extra?", name="extra"
    )
    methods = passage(
        "Method: Card | Countries: all\nMethod: PayPal | Countries: all", "Methods", title="Payment methods"
    )
    assert (await answer(embedder, "Can I pay with PayPal?", (extra, methods))).startswith("PayPal")
    assert (await answer(embedder, "Does it cost extra to pay with PayPal?", (extra, methods))).startswith(
        "No, none"
    )


async def test_a_measure_is_told_in_its_own_units(embedder: Embedder) -> None:
    bags = passage(
        "Down weighs less and packs smaller: the Alpsee 400 fits into a 5-litre sack.\n\n"
        "Bag: Alpsee 400 | Weight: 690 g | Length: 185 cm\nBag: Alpsee 700 | Weight: 980 g | Length: 195 cm",
        "Sleeping bags",
    )
    assert "690 g" in await answer(embedder, "How heavy is the Alpsee 400?", (bags,))
    assert "5-litre" in await answer(embedder, "What volume does the Alpsee 400 pack into?", (bags,))


async def test_a_step_of_another_case_comes_behind_the_one_that_answers(embedder: Embedder) -> None:
    page = passage(
        "The country cannot be changed afterwards. In that case cancel the order and place a new one. "
        "As long as the status is open there is a Cancel order button next to the order.",
        "Changing an order",
    )
    assert (await answer(embedder, "How can I cancel my order?", (page,))).startswith("As long as the status")


async def test_no_answers_the_pages_question_alone(embedder: Embedder) -> None:
    page = passage(
        "No. Faulty boots fall under the guarantee of 2 years, not under this promise.",
        "Does the promise cover faults?",
        title="Boot promise",
    )
    assert (await answer(embedder, "What guarantee do faulty boots have?", (page,))).startswith(
        "Faulty boots fall"
    )
    assert (await answer(embedder, "Does the promise cover faulty boots?", (page,))).startswith(
        "No. Faulty boots"
    )


async def test_a_sentence_that_leans_brings_the_one_before(embedder: Embedder) -> None:
    page = passage(
        "Boots can be resoled. It costs €79 a pair and takes four weeks. Dogs are welcome in the shop.",
        "Repairs",
    )
    text = await answer(embedder, "how much does resoling cost", (page,))
    assert "Boots can be resoled. It costs €79" in text


async def test_an_item_brings_its_lead_in(embedder: Embedder) -> None:
    page = passage(
        "What we cannot take back:\n- gas cartridges once the seal is broken\n- opened freeze-dried meals",
        "Returns",
    )
    text = await answer(embedder, "can I give back opened freeze-dried meals?", (page,))
    assert text.startswith("What we cannot take back:")
    assert "opened freeze-dried meals" in text


async def test_a_sentence_longer_than_an_answer_is_cut_off(embedder: Embedder) -> None:
    page = passage(f"Boots are made of {' and '.join(f'part{n}' for n in range(90))}.", "Boots")
    text = await answer(embedder, "what are boots made of", (page,))
    assert text.startswith("Boots are made of part0")
    assert text.endswith("…")


async def test_a_stored_vector_is_not_computed_again(embedder: Embedder) -> None:
    question = "How long can I return something?"
    vectors = await embedder.documents([question, *(p.text for p in SHOP)])
    stored = {(p.chunk, "text"): vector for p, vector in zip(SHOP, vectors[1:], strict=True)}
    stored["", hashlib.sha256(question.encode()).hexdigest()] = vectors[0]
    read: list[str] = []

    async def embed(texts: Sequence[str]) -> Floats:
        read.extend(texts)
        return await embedder.documents(texts)

    ranking = await rank(asks.read(question), SHOP, embed, WordNearness(embedder.documents), Stored(stored))
    assert ranking.scored[0].unit.text.startswith("You can return articles within 30 days")
    assert question not in read
    assert 0 < len(read) < sum(len(cut(p)) for p in SHOP)


@pytest.mark.parametrize("piece", ["1.", "a-", "10-10-", "...", "mit einem ", "can i talk to ", "and for "])
def test_a_hostile_message_is_read_at_once(piece: str) -> None:
    message = (piece * 4000)[:4000]
    history = (Turn("visitor", message), Turn("assistant", "Yes."))
    started = time.process_time()
    asks.read(message)
    wants_human(message)
    candidates("and that one?", history)
    assert (
        time.process_time() - started < 1
    )  # 0.1 s on a quiet core; 6 s when a rule looked at every pair of places


async def test_no_passages_no_answer(embedder: Embedder) -> None:
    ranking = await rank(asks.read("anything?"), (), embedder.documents, WordNearness(embedder.documents))
    assert extract(ranking, ()) == ()


def test_units_stand_where_they_say() -> None:
    for source in SHOP:
        for unit in cut(source):
            assert 0 <= unit.start < unit.end <= len(source.text)
            if unit.kind == "sentence":
                assert source.text[unit.start : unit.end].split() == unit.text.split()
    assert [unit.kind for unit in cut(PASSWORD)] == ["step"] * 3
    assert [unit.cells[0] for unit in cut(RATES)] == [
        ("Destination", "Austria"),
        ("Destination", "Germany"),
        ("Destination", "Norway"),
    ]
    assert len(cut(RETURNS)) == 4
    assert len(cut(EXPRESS)) == 2
    assert len(cut(PICKUP)) == 3


def test_a_table_under_a_header_row_reads_the_same() -> None:
    plain = passage("Model | Weight | Price\nLizum 2 | 2.1 kg | €389\nLizum 3 | 2.7 kg | €459", "Tents")
    assert [unit.text for unit in cut(plain)] == [
        "Lizum 2 – Weight: 2.1 kg; Price: €389",
        "Lizum 3 – Weight: 2.7 kg; Price: €459",
    ]


def test_facts_have_one_written_form() -> None:
    def keys(text: str) -> list[tuple[str, str]]:
        return [fact.key for fact in facts(text)]

    assert keys("€1,000") == keys("1\u202f000 EUR") == keys("1000 euros")
    assert keys("two weeks") == keys("14 days")
    assert keys("9 am") == keys("09:00")
    assert keys("3–5 working days") == [("duration", "working min 4320"), ("duration", "working min 7200")]
    assert keys("5 days") != keys("5 working days")
    assert keys("12 months") == keys("1 year")
    assert keys("30 days") != keys("1 month")
    assert keys("2–10 kg") == [("measure", "g 2000"), ("measure", "g 10000")]
    assert keys("-2 °C") == [("measure", "°c -2")]


def test_a_figure_falls_into_a_range() -> None:
    [three] = facts("3 kg")
    assert within(three, "2–10 kg")
    assert within(three, "up to 5 kg")
    assert not within(three, "up to 2 kg")
    assert not within(three, "10–30 kg")


def test_kinds_of_questions() -> None:
    kinds = {
        "how much is it": "amount", "how long does it take": "duration", "when do you open": "when", "where is the shop": "where",
        "how do I return it": "steps", "can I pay by card": "yesno", "what is your phone number": "contact", "how heavy is the tent": "measure",
        "why was my card declined": "reason",
    }  # fmt: skip
    assert {question: asks.read(question).kind for question in kinds} == kinds


def test_sentences_leave_the_stream_when_nothing_can_change_them() -> None:
    stream = SentenceStream()
    assert stream.feed("It costs €4.") == []
    assert stream.feed("90. We") == ["It costs €4.90."]
    assert stream.feed(" ship on Mon") == []
    assert stream.feed("days [1") == []
    assert stream.feed("]. Then") == [" We ship on Mondays [1]."]
    assert stream.rest(whole=True) == []


def test_lines_of_a_list_leave_one_by_one() -> None:
    stream = SentenceStream()
    assert stream.feed("You need:\n- an ID\n- the co") == ["You need:", "\n- an ID"]
    assert stream.feed("de") == []
    assert stream.rest(whole=True) == ["\n- the code"]


@pytest.mark.parametrize(
    "text",
    [
        "1" * 4000,
        "1-" * 2000,
        "a." * 2000,
        "€1,000 " * 570,
        "a@" * 2000,
        "talk to a " * 400,
        "my order" + " " * 3990,
        "my order is " + "not a " * 660,
        "a human" + " " * 3990 + "because",
        "human, " * 570,
    ],
)
def test_a_hostile_message_is_read_in_no_time(text: str) -> None:
    started = time.thread_time()
    asks.read(text)
    wants_human(text)
    besides(text, wants_human)
    troubles(text)
    assert time.thread_time() - started < 2
