"""A campsite, asked without a model: what is near in meaning is no answer where it does not say what was asked about."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from minidesk.answering.outcome import Clarify, HandOff, Reply
from tests.answering.taken_in import TakenIn, taken_in

PAGES = {
    "pitches.md": """# Pitches and huts

## Booking

Book a pitch on our website or at the desk. You can cancel free of charge up to 7 days before you arrive. If you do not
turn up, we keep the price of the first night.

## Deposit

The deposit for a hut is €60. You get it back at the desk within 2 days after you leave.

## Who may stay

Young people from 16 may camp alone with a letter from their parents. Two cars may stand on a pitch.
""",
    "prices.csv": """Hut,One night,One week
Forest hut,€45,€270
Family hut,€68,€410
Lake hut,€75,€450
""",
    "shop.md": """# Shop and repairs

Our shop sells bread, gas and sun cream. Please hang wet towels on the line behind the shop.

## Repairs

We sew torn tents and jackets. In August a jacket takes up to 4 weeks, because everybody wants theirs at once.

## Electric cars

You can load your car at the two posts beside the gate. Please do not charge it overnight when a storm is forecast.
""",
    "village.md": """# The village of Larchdale

Larchdale is ten minutes away on foot. The bakery in Larchdale opens at 7:00. By train: get off in Larchdale and take bus 4
to the gate.
""",
    "trips.md": """# Trips

The night walk starts at 21:00 at the gate. It takes two hours and costs €8. Walks for groups can be had in Spanish.

## Luggage service

We fetch your bags from the station for €6. The van drives on Mondays and Thursdays.

## For less

Students with a card get €3 off each night.
""",
}  # fmt: skip
NOT_SAID = Clarify("not_found", offer_person=True)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def campsite(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TakenIn]:
    """One for all of them."""
    async with taken_in(tmp_path_factory.mktemp("campsite"), PAGES) as desk:
        yield desk


@pytest.mark.parametrize(
    "question",
    [
        # What is asked to be done stands nowhere: how long sewing takes is no answer.
        "Can I return a jacket after three weeks?",
        # A place says where; what is asked of it stands nowhere, however it is written.
        "What's the weather in Larchdale?",
        "whats the weather in larchdale",
        # The last word names the thing.
        "do you sell gas cookers",
        # A price is no weight, a bus no fare, and a hut in a sentence no number of huts.
        "how heavy is the family hut",
        "how much is the train to Larchdale",
        "how many huts do you have",
        "how many people fit into the lake hut",
        # When something starts tells no age.
        "how old is the gate",
    ],
)
async def test_what_is_only_near_is_no_answer(campsite: TakenIn, question: str) -> None:
    assert (await campsite.ask(question)).outcome == NOT_SAID


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        # The deposit is what it is about; when it comes back is what is asked.
        ("when do i get my deposit back", "within 2 days"),
        ("what do I pay if I just don't show up", "first night"),
        ("student discount?", "€3 off"),
        ("do students pay less?", "€3 off"),
        ("can i charge my car overnight", "do not charge it overnight"),
        # How old somebody is stands on no page.
        ("can my 17 year old camp alone", "from 16"),
        ("how many cars may stand on a pitch?", "Two cars"),
        ("how much is the family hut for a week", "€410"),
    ],
)
async def test_what_the_pages_say_is_told(campsite: TakenIn, question: str, wanted: str) -> None:
    found = await campsite.ask(question)
    assert found.outcome == Reply()
    assert wanted in found.text


async def test_which_days_are_days_of_the_week(campsite: TakenIn) -> None:
    found = await campsite.ask("do you fetch bags from the station?", "on which days?")
    assert "Mondays and Thursdays" in found.text


async def test_in_another_language_too_is_asked_of_the_thing(campsite: TakenIn) -> None:
    assert "in Spanish" in (await campsite.ask("are there walks for groups?", "in spanish too?")).text
    # Alone it is asked of us.
    assert (await campsite.ask("in spanish?")).outcome == Clarify("smalltalk")


@pytest.mark.parametrize("said", ["ok thanks", "okay, thank you", "ok danke"])
async def test_ok_thanks_is_no_yes_to_a_person(campsite: TakenIn, said: str) -> None:
    assert (await campsite.ask("do you sell gas cookers", said)).outcome == Clarify("smalltalk")


@pytest.mark.parametrize("said", ["ok", "yes thanks", "ok yes thanks", "ja danke", "ok please"])
async def test_yes_with_thanks_is_one(campsite: TakenIn, said: str) -> None:
    assert (await campsite.ask("do you sell gas cookers", said)).outcome == HandOff("customer_request")
