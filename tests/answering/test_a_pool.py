"""Two swimming baths of a town, asked without a model: rows under headings, rows before sentences, and what was said last."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from minidesk.answering.outcome import Clarify, HandOff, Outcome, Question, Reply, Turn
from minidesk.ask import answer
from tests.answering.taken_in import TakenIn, taken_in

PAGES = {
    "hours.md": """# Opening hours

## Lido, Uferweg 4

| Day | Open |
| --- | --- |
| Monday | 14:00 – 20:00 |
| Tuesday to Friday | 7:00 – 20:00 |
| Saturday | 8:00 – 19:00 |

The slide closes an hour before the bath does.

## Indoor pool, Bahnhofstrasse 9

| Day | Open |
| --- | --- |
| Monday | closed |
| Tuesday to Friday | 6:30 – 21:30 |
| Saturday | 9:00 – 18:00 |
""",
    "prices.md": """# What it costs

## Tickets

| Ticket | Single | Ten visits |
| --- | --- | --- |
| Adults | €6.50 | €58 |
| Children and pupils | €3.20 | €28 |
| Early birds until 8:30 | €4.00 | €36 |

Whoever loses the chip of a ticket for ten visits pays €5 for adults and €2 for children.

## Lockers, cabins and halls

| Room | Half day | Whole day |
| --- | --- | --- |
| Family cabin | €4 | €7 |
| Training pool | €45 | €80 |

A deposit of €50 is due for the training pool. Clubs of the town pay half.

## Things to borrow

Towel: €3. Family cabin: €2 for a second key. Things to borrow are handed out at the desk.

| Thing | Loan period | Deposit |
| --- | --- | --- |
| Goggles and caps | 1 day | €5 |
| Swim boards | 2 hours | €10 |
| Arm floats | 3 hours | none |
""",
    "house.md": """# Rules of the house

The baths were opened by the mayor in 1974. Guests may stay until the bath closes. Glass bottles must stay outside.

Courses are held from March to June; a course takes six weeks.
""",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bath(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TakenIn]:
    """What answers about the two baths; one for all tests."""
    async with taken_in(tmp_path_factory.mktemp("bath"), PAGES) as bath:
        yield bath


@pytest.mark.parametrize(
    "question", ["What time do you open on Saturday?", "When are you open on Saturdays?"]
)
async def test_a_row_that_stands_below_two_headings_is_told_with_both(bath: TakenIn, question: str) -> None:
    text = (await bath.ask(question)).text
    assert "Lido, Uferweg 4: Saturday – 8:00 – 19:00" in text
    assert "Indoor pool, Bahnhofstrasse 9: Saturday – 9:00 – 18:00" in text


async def test_the_heading_that_is_named_is_meant(bath: TakenIn) -> None:
    text = (await bath.ask("When does the indoor pool open on Saturday?")).text
    assert "9:00 – 18:00" in text
    assert "8:00 – 19:00" not in text


async def test_a_day_between_two_others_has_their_row(bath: TakenIn) -> None:
    text = (await bath.ask("When does the lido open on Wednesday?")).text
    assert "7:00 – 20:00" in text
    assert "14:00" not in text


@pytest.mark.parametrize(
    ("question", "wanted", "other"),
    [
        # The sentence has the name too, and another kind of amount.
        ("What does the training pool cost for a whole day?", "€80", "€50"),
        ("How much is the family cabin?", "€7", "€2"),
        ("How much is a single ticket for adults?", "€6.50", "€5"),
        # "Half a day" is not the whole day.
        ("training pool, half a day?", "€45", "€80"),
        # Where the row's own page says it, the row's other figures are no answer.
        ("What is the deposit for swim boards?", "€10", "€50"),
        ("how long can I keep the goggles", "1 day", "2 hours"),
    ],
)
async def test_the_row_of_the_thing_answers(bath: TakenIn, question: str, wanted: str, other: str) -> None:
    text = (await bath.ask(question)).text
    assert wanted in text
    assert other not in text


async def test_a_column_without_a_row_is_told_for_all_rows(bath: TakenIn) -> None:
    text = (await bath.ask("How long is the loan period?")).text
    assert all(part in text for part in ("1 day", "2 hours", "3 hours"))


@pytest.mark.parametrize(
    ("said", "wanted", "other"),
    [
        (("What is the deposit for goggles?", "and for swim boards?"), "€10", "€5"),
        (("How much are ten visits for adults?", "and for pupils?"), "€28", "€58"),
        (("What does the family cabin cost?", "and the training pool?", "for half a day"), "€45", "€80"),
    ],
)
async def test_what_is_said_last_wins(bath: TakenIn, said: tuple[str, ...], wanted: str, other: str) -> None:
    text = (await bath.ask(*said)).text
    assert wanted in text
    assert other not in text


async def test_a_date_is_answered_by_a_date(bath: TakenIn) -> None:
    assert "1974" in (await bath.ask("When were the baths opened?")).text
    found = await bath.ask("When was the slide built?")
    assert found.outcome == Clarify("not_found", offer_person=True)


async def test_a_place_that_no_page_names_is_not_told_of(bath: TakenIn) -> None:
    assert (await bath.ask("Do you have a pool in Salzburg?")).outcome == Clarify(
        "not_found", offer_person=True
    )


@pytest.mark.parametrize("opening", ["", "ok ", "hm, ", "alright, "])
async def test_words_before_a_question_are_none_of_it(bath: TakenIn, opening: str) -> None:
    assert (await bath.ask(f"{opening}what do adults pay for ten visits?")).outcome == Reply()


async def test_a_question_is_found_in_a_story(bath: TakenIn) -> None:
    story = (
        "We spent the whole of last summer at the lake with our three children and their cousins, and in the end the "
        "weather was so bad that we played cards in the tent for a week, which nobody wants to do again this year. "
    )
    text = (await bath.ask(f"{story}How much is a ticket for pupils? {story}")).text
    assert "€3.20" in text


UNKNOWN = "Do you sell inflatable crocodiles?"


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("yes", HandOff("customer_request")),
        ("Yes, please!", HandOff("customer_request")),
        ("that would be great", HandOff("customer_request")),
        ("ja gerne", HandOff("customer_request")),
        ("oui, merci", HandOff("customer_request")),
        ("はい、お願いします", HandOff("customer_request")),
        ("no thanks", Clarify("smalltalk")),
        ("nein danke", Clarify("smalltalk")),
    ],
)
async def test_yes_to_the_offer_of_a_person_is_a_wish(bath: TakenIn, said: str, outcome: Outcome) -> None:
    assert (await bath.ask(UNKNOWN)).outcome == Clarify("not_found", offer_person=True)
    assert (await bath.ask(UNKNOWN, said)).outcome == outcome


@pytest.mark.parametrize(
    "said", ["yes, and what does the training pool cost?", "no, what is the price of the training pool?"]
)
async def test_who_says_more_than_yes_asks(bath: TakenIn, said: str) -> None:
    assert "€45" in (await bath.ask(UNKNOWN, said)).text


async def test_yes_where_nothing_was_offered_is_no_wish(bath: TakenIn) -> None:
    found = await bath.ask("How much is a single ticket for adults?", "yes please")
    assert found.outcome != HandOff("customer_request")


async def test_two_questions_get_two_answers(bath: TakenIn) -> None:
    found = await bath.ask(
        "What does the training pool cost for a whole day, and when does the lido open on Monday?"
    )
    assert "€80" in found.text
    assert "14:00 – 20:00" in found.text
    assert [citation.n for citation in found.citations] == list(range(1, len(found.citations) + 1))
    found = await bath.ask("What does the training pool cost, and do you sell inflatable crocodiles?")
    assert "crocodiles" not in found.text


@pytest.mark.parametrize("said", ["That's not right", "no, wrong", "I didn't ask that", "Das stimmt nicht"])
async def test_who_turns_an_answer_down_is_heard(bath: TakenIn, said: str) -> None:
    first = "How much are ten visits for adults?"
    found = await bath.ask(first, said)
    assert found.outcome == Clarify("not_found", offer_person=True)
    assert found.citations == ()
    assert (await bath.ask(first, said, "yes please")).outcome == HandOff("customer_request")
    history = (Turn("visitor", first), Turn("assistant", found.text))
    again = await answer(bath.asker, Question(bath.site_id, said, history, not_found_before=1))
    assert again.outcome == HandOff("customer_request")


async def test_full_width_letters_are_letters(bath: TakenIn) -> None:
    assert "€45" in (await bath.ask("Ｗｈａｔ ｄｏｅｓ ｔｈｅ ｔｒａｉｎｉｎｇ ｐｏｏｌ ｃｏｓｔ？")).text
