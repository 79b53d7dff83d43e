"""The rules of the proof one by one: each refuses what language says is another statement, and lets the true one pass."""

import pytest

from minidesk.answering.alike import alike, opposed, turned_round
from minidesk.answering.bounds import bounds_agree
from minidesk.answering.claims import facts_agree
from minidesk.answering.facts import facts
from minidesk.answering.force import force_agrees
from minidesk.answering.prove import prove
from minidesk.knowledge.embed import Embedder
from tests.answering.shop import passage


@pytest.mark.parametrize(
    ("sentence", "span", "agrees"),
    [
        ("You can use up to 3 cards.", "Up to 3 cards can be used.", True),
        ("You can use at least 3 cards.", "Up to 3 cards can be used.", False),
        ("You can use 3 cards.", "Up to 3 cards can be used.", False),
        ("It takes 2 days.", "It takes 2 days.", True),
        ("It takes at least 2 days.", "It takes 2 days.", False),
        ("We visit it once a year.", "We visit it at least once a year.", False),
        ("Send it within 14 days.", "Send it back after 14 days.", False),
        ("Open until 31 January.", "Open from 31 January.", False),
    ],
)
def test_bounds(sentence: str, span: str, agrees: bool) -> None:
    assert bounds_agree(sentence, span) is agrees


@pytest.mark.parametrize(
    ("sentence", "span", "agrees"),
    [
        ("Tents cannot be returned.", "Tents can be returned, but stoves cannot be returned.", False),
        ("Stoves cannot be returned.", "Tents can be returned, but stoves cannot be returned.", True),
        ("The credit is paid as a card and in cash.", "The credit is paid as a card, not in cash.", False),
        ("Addresses are neither sold nor lent.", "We do not sell addresses, nor do we lend them.", True),
        ("No, you can cancel it.", "You can cancel it.", False),
        ("Yes, you can cancel it.", "You can cancel it.", True),
        ("The link must be opened.", "Open the link.", True),
        ("If you like, open the link.", "Open the link.", False),
        ("The orders may be paid in advance.", "The orders are paid in advance.", False),
        ("The orders have to be paid in advance.", "The orders are paid in advance.", True),
        ("You receive it before the answer.", "You receive it after the answer.", False),
        ("Your refund has been approved.", "We refund the price once it has been approved.", False),
        ("While the manager has approved it, open the page.", "Open the page. We approve it.", False),
        ("We will refund it.", "Refunds are made within a week.", False),
        ("It works for everything, even pallets.", "It works for everything except pallets.", False),
        ("It is the model with leather.", "It is the model without leather.", False),
        ("There is no rental in Graz.", "We do not send rental gear by post.", False),
        ("There is no rental in Graz.", "There is no rental in Graz.", True),
    ],
)
def test_force(sentence: str, span: str, agrees: bool) -> None:
    assert force_agrees(sentence, span) is agrees


def test_a_heading_that_denies_denies_its_items() -> None:
    lead = "What we cannot take back\n"
    assert force_agrees("Opened filters cannot be returned.", "opened filters", lead, lead)
    assert not force_agrees("Opened filters can be returned.", "opened filters", lead, lead)


@pytest.mark.parametrize(
    ("sentence", "span", "agrees"),
    [
        ("Open from Monday to Friday.", "Mon-Fri 9:00 to 17:00", True),
        ("Open from Monday to Sunday.", "Mon-Fri 9:00 to 17:00", False),
        ("Open on Wednesday at 9:00.", "Mon-Fri 9:00 to 17:00; Sat 10:00 to 13:00", True),
        ("Open on Saturday at 9:00.", "Mon-Fri 9:00 to 17:00; Sat 10:00 to 13:00", False),
        ("You need 18 to 25 litres.", "Day: 18 to 25 litres. Hut: 32 to 40 litres.", True),
        ("You need 18 to 40 litres.", "Day: 18 to 25 litres. Hut: 32 to 40 litres.", False),
        ("See shop.exanple/gift for it.", "See shop.example/gift for it.", False),
        ("A footprint for the Lizum 3 is €49.", "Lizum 2: €49. Lizum 3: €55.", False),
        ("You get 50 Trail Vouchers.", "A voucher and 50 Trail Points.", False),
        ("The second pair is half price.", "A pair is half price.", False),
    ],
)
def test_facts_stand_where_they_belong(sentence: str, span: str, agrees: bool) -> None:
    assert facts_agree(sentence, span) is agrees


def test_two_days_of_a_month_and_an_age_are_read() -> None:
    assert [f.value for f in facts("on 24 and 31 December")] == ["12-24", "12-31"]
    assert [f.key for f in facts("from the age of 16")] == [f.key for f in facts("from 16 years on")]


def test_words() -> None:
    there = frozenset({"post", "kept", "stuf", "more"})
    assert all(alike(root, there) for root in ("sent", "keep", "stuff", "larger"))
    assert not any(alike(root, there) for root in ("tent", "boot", "invoic"))
    assert opposed("invalid", frozenset({"valid"}))
    assert turned_round("The code is invalid.", "The code is valid.")
    assert not turned_round("The code is valid.", "The code is valid.")


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("Invoices must be kept for 7 years.", True),
        ("Points must be kept for 7 years.", False),  # the other sentence's subject
        ("Invoices must be kept for 7", False),  # cut off
        ("Unfortunately, points are gone for good.", True),
        ("Enter your new password.", False),  # an e-mail address, and a new link
    ],
)
async def test_sentences_are_not_made_of_halves(embedder: Embedder, sentence: str, shown: bool) -> None:
    page = passage(
        "After that the points are gone for good. Invoices have to be kept for 7 years. Enter your e-mail address. "
        "We send a new link, and then the old password is dead.",
        "Deleting",
    )
    assert (await prove(sentence, [page], embedder.documents) is not None) is shown


async def test_removing_a_thing_removes_it_from_nothing_else(embedder: Embedder) -> None:
    page = passage(
        "Deleting an account or team permanently deletes the account or team and all data that belongs to it.",
        "Delete an account or team",
    )
    rightly = "Deleting your account also deletes all data that belongs to it."
    assert await prove(rightly, [page], embedder.documents) is not None
    assert (
        await prove("Deleting your account also removes it from all teams.", [page], embedder.documents)
        is None
    )
