"""What somebody wrote anew, out of mails as programs write them."""

import pytest

from minidesk.channels.quoted import newly_written


@pytest.mark.parametrize(
    ("mail", "new"),
    [
        (
            "Thanks!\n\nOn Mon, 2 Mar 2026 at 10:00, Alpenglow <d@x.example> wrote:\n> Hello\n> there\n",
            "Thanks!",
        ),
        ("Danke\n\nAm 02.03.26 um 10:00 schrieb Alpenglow:\n> Hallo", "Danke"),
        ("Merci\n\nLe lun. 2 mars 2026 à 10:00, Alpenglow <d@x.example> a\nécrit :\n\n> Bonjour", "Merci"),
        ("Gracias\n\nEl lun, 2 mar 2026 a las 10:00, A (<d@x.example>) escribió:\n\n> Hola", "Gracias"),
        ("Yes\n\n-----Original Message-----\nFrom: A\nold", "Yes"),
        ("Ja\n\n________________________________\nVon: A\nGesendet: Montag\nAn: B\nBetreff: C\n\nalt", "Ja"),
        ("Yes\n\nFrom: A <a@x.example>\nSent: Monday\nTo: B\nSubject: C\n\nold", "Yes"),
        ("Hi\n> Is it blue?\nYes, blue.\n> And large?\nNo, small.", "Hi\nYes, blue.\nNo, small."),
        ("> How many?\nThree.\n\n-- \nAda Byron\nLondon", "Three."),
        ("My number is AG-1\n\nSent from my iPhone", "My number is AG-1"),
        ("Meine Nummer ist AG-1\n\nVon meinem iPhone gesendet", "Meine Nummer ist AG-1"),
        ("Ok\n\nOn Mon, 2 Mar 2026 at 10:00 Alpenglow wrote:\n\nHello there\nold words", "Ok"),
    ],
)
def test_history_and_signatures_go(mail: str, new: str) -> None:
    assert newly_written(mail) == new
    assert newly_written(mail.replace("\n", "\r\n")) == new


@pytest.mark.parametrize(
    "mail",
    [
        "To: be sure, I want both.\nFrom: here it looks fine.",
        "My husband wrote:\nplease send it to the office.",
        "On the box somebody wrote: fragile",
        "Sizes: 5 > 4 and 3 < 4",
        "I saw -- and liked -- it",
        "von mir aus: gern\nan: die Firma",
        "The colour is\n---\nblue",
    ],
)
def test_what_people_write_stays(mail: str) -> None:
    assert newly_written(mail) == mail


def test_nothing_new_is_nothing_and_long_mails_take_no_time() -> None:
    assert newly_written("> a\n> b\n") == ""
    assert newly_written("") == ""
    long = ("on " + "a " * 140 + "\n") * 3000
    assert len(newly_written(long)) > 100_000


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("mail", "new"),
    [
        ("\n>\n" * 200_000, ""),
        ("Hi\n" + "\n>\n" * 200_000 + "Bye", "Hi\n\nBye"),
        ("Hi" + "\n" * 200_000 + "On Mon, 2 Mar 2026 at 10:00, A <d@x.example> wrote:\n>\n" * 20_000, "Hi"),
        ("am " + "schrieb " * 37 + "\n>\n\n" * 50_000 + "Bye", None),
    ],
    ids=["quotes", "between", "attributions", "doubtful"],
)
def test_what_is_made_to_take_long_takes_no_time(mail: str, new: str | None) -> None:
    found = newly_written(mail)
    assert found == new or (new is None and found.endswith("Bye"))
