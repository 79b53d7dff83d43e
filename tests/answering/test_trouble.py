"""Messages that ask nothing and tell what went wrong, to a paddling shop, software and a gym, without a model."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from minidesk.answering.outcome import Reply
from minidesk.answering.trouble import reports, troubles
from tests.answering.taken_in import TakenIn, taken_in
from tests.answering.test_reworded import SITES


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, TakenIn]]:
    """What answers about each site; one for all tests."""
    async with AsyncExitStack() as stack:
        found = {}
        for name in ("gym", "software", "shop"):
            pages = {file.name: file.read_text(encoding="utf-8") for file in (SITES / name).iterdir()}
            found[name] = await stack.enter_async_context(taken_in(tmp_path_factory.mktemp(name), pages))
        yield found


@pytest.mark.parametrize(
    ("site", "told", "wanted"),
    [
        ("gym", "I lost my card", "blocked at the desk"),
        ("gym", "the treadmill is broken", "tell the desk"),
        ("gym", "My direct debit failed this month", "try again after ten days"),
        ("software", "I forgot my password", "Reset password"),
        ("software", "my account is locked", "30 minutes"),
        ("software", "my client hasn't paid", "reminders 3, 10 and 20 days"),
        ("shop", "My order still hasn't come", "the parcel counts as lost"),
        ("shop", "my package is late", "the parcel counts as lost"),
        ("shop", "My kayak arrived with a crack", "take photos of the box"),
        ("shop", "you sent me the wrong jacket", "we send the right one"),
        ("shop", "my payment failed", "Try again with another card"),
        ("shop", "my discount code doesn't work", "Only one code can be used"),
        ("shop", "I entered a wrong address", "address can be changed"),
        ("shop", "The password e-mail never arrived", "spam folder"),
        ("shop", "I haven't got my money back yet", "5 to 7 days"),
    ],
)
async def test_who_tells_a_trouble_is_told_what_to_do_about_it(
    desks: dict[str, TakenIn], site: str, told: str, wanted: str
) -> None:
    found = await desks[site].ask(told)
    assert isinstance(found.outcome, Reply), found.text
    assert wanted in found.text
    # Two ways out of two troubles would send the visitor both ways.
    assert len({citation.document for citation in found.citations}) == 1, found.text


async def test_how_any_article_is_returned_is_told_of_this_one(desks: dict[str, TakenIn]) -> None:
    """Not what is said of jackets, nor what holds for damaged ones."""
    jacket = await desks["shop"].ask("how do i return my jacket")
    assert isinstance(jacket.outcome, Reply), jacket.text
    assert "Fill in the return form in your account" in jacket.text
    paddle = await desks["shop"].ask("how can I send back a paddle")
    assert "damaged" not in paddle.text


@pytest.mark.parametrize(
    ("site", "told"),
    [
        ("gym", "the shower on the ladies' side is cold"),
        ("software", "the iPhone app crashes when I open it"),
        ("shop", "the zip of the drysuit came off"),
        ("shop", "I got charged twice"),  # "The carrier tries twice" is of no help
    ],
)
async def test_another_trouble_than_the_pages_tell_of_is_not_answered(
    desks: dict[str, TakenIn], site: str, told: str
) -> None:
    found = await desks[site].ask(told)
    assert not isinstance(found.outcome, Reply), found.text


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("My order still hasn't arrived", {"not here"}),
        ("Hi, the tent pole broke yesterday.", {"broken"}),
        ("Mein Paket ist nicht angekommen", {"not here"}),
        ("Die Jacke ist kaputt angekommen", {"broken"}),
        ("I was charged twice", {"twice"}),
        ("I forgot my password", {"forgotten"}),
        ("the boots are too small", {"size"}),
        ("my discount code doesn't work", {"refused"}),
        ("I ordered a 43 but got a 42", {"wrong"}),
        ("you sent me a red one instead of a blue one", {"wrong"}),
        ("the driver came when I was out", {"missed"}),
        ("someone stole my watch", {"stolen"}),
        ("the jacket is not waterproof any more", {"no longer"}),
        ("I typed the wrong street", {"wrong", "mistyped"}),
        # These ask or wish: what is wanted of the pages is said.
        ("What happens if my parcel never arrives?", set()),
        ("The box arrived damaged, what now?", set()),
        ("I want to cancel my order", set()),
        ("opening hours on saturday", set()),
        ("how do I return broken boots", set()),
    ],
)
def test_what_a_message_tells(message: str, kinds: set[str]) -> None:
    assert reports(message) == kinds
    assert not reports(f"{message.rstrip('.')}, how much is a new one")


def test_pages_speak_of_the_same_kinds() -> None:
    assert "not here" in troubles("The parcel never came")
    assert "not here" in troubles("If nothing has happened for 5 working days, tell us.")
    assert "broken" in troubles("My parcel arrived damaged")
    assert not troubles("Delivery takes two working days.")
