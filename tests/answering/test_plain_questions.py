"""What every shop is asked each day: when it is open, where it is, how to reach it, what does not hold. Two garden centres, without a model."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from minidesk.answering.outcome import Reply
from tests.answering.taken_in import TakenIn, taken_in

PAGES = {
    "visit.html": """<!doctype html><html lang="en"><head><title>Visit us</title></head><body><main><h1>Visit us</h1>
<p>Fern &amp; Co has two garden centres. Both have a café with a view of the greenhouses.</p>
<h2>Linz</h2><p>Gärtnerstraße 12, 4020 Linz, Austria<br>Phone +43 732 555 0110</p>
<table><tr><th>Day</th><th>Hours</th></tr><tr><td>Monday to Friday</td><td>8:00 – 18:30</td></tr>
<tr><td>Saturday</td><td>8:00 – 17:00</td></tr><tr><td>Sunday</td><td>closed</td></tr></table>
<h3>Finding us</h3><p>Bus 27 to Botanischer Garten, then a hundred metres back. There is a free car park behind the house with a charging point.</p>
<h2>Wels</h2><p>Bahnhofring 3, 4600 Wels, Austria<br>Phone +43 7242 555 0111</p>
<table><tr><th>Day</th><th>Hours</th></tr><tr><td>Monday</td><td>closed</td></tr><tr><td>Tuesday to Friday</td><td>9:00 – 18:00</td></tr>
<tr><td>Saturday</td><td>9:00 – 13:00</td></tr><tr><td>Sunday</td><td>closed</td></tr></table>
<p>The Wels centre stands right beside the station. Dogs are welcome on a lead.</p></main></body></html>""",
    "season.txt": """FERN & CO - THE YEAR

Spring market: on the two Saturdays before Easter Linz is open until 20:00.
24 December: both centres close at 12:00.
Both centres stay closed on the first Monday of February for stocktaking.
""",
    "contact.md": """# Writing and calling

## Customer care

Call us from Monday to Friday between 9:00 and 16:00.

- Phone: +43 732 555 0100
- E-mail: hello@fern.example

We answer e-mails within two working days.

## Press

Journalists write to press@fern.example and get pictures within a day.

## Your data

Write to privacy@fern.example from the e-mail address of your account.
""",
    "delivery.md": """# Delivery

## What it costs

| Order | Delivery |
| --- | --- |
| Plants and tools | €7.90 |
| Soil and pots over 20 kg | €24 |

Orders from €90 are delivered free of charge; soil and pots are not. A VAT number that reaches us after the order cannot be put on the invoice.

## Nobody at home

The driver leaves plants in the shade beside the door. Anything worth more than €100 goes back to the depot and comes again the next day.

## The way of a parcel

A parcel without a scan for two days is waiting for the van. See *Writing and calling* for the hotline.

## Not by parcel

- Trees above 2 metres
- Soil to islands

## Express

Express costs €12 and comes on the next working day where it is ordered before 10:00.
""",
    "returns.md": """# Returns

You may bring back tools and pots within 30 days with the receipt.

## When do I get my money?

We look at what comes back within 3 working days and start the refund the same day. Cards need another 2 to 4 banking days.

## Excluded

- Cut flowers
- Opened seed packets
- Plants after 14 days
""",
    "gift-cards.jsonl": '{"id": "gift-card-back", "title": "Giving a gift card back", "text": "An unused card can be handed back within 14 days and is refunded in full.", "questions": ["Can I return a gift card?"]}\n',
    "jackets.md": """# Work jackets

| Model | Kind | Weather | Price |
| --- | --- | --- | --- |
| Moor | softshell | not waterproof | €69 |
| Heath | waxed cotton | waterproof | €129 |
""",
}  # fmt: skip


GERMAN = {
    "besuch.html": """<!doctype html><html lang="de"><head><title>Besuchen Sie uns</title></head><body><main><h1>Besuchen Sie uns</h1>
<p>Farn &amp; Co hat zwei Gartencenter. Beide haben ein Café mit Blick auf die Gewächshäuser.</p>
<h2>Linz</h2><p>Gärtnerstraße 12, 4020 Linz<br>Telefon +43 732 555 0110</p>
<table><tr><th>Tag</th><th>Uhrzeit</th></tr><tr><td>Montag bis Freitag</td><td>8:00 – 18:30</td></tr>
<tr><td>Samstag</td><td>8:00 – 17:00</td></tr><tr><td>Sonntag</td><td>geschlossen</td></tr></table>
<h3>So finden Sie uns</h3><p>Bus 27 bis Botanischer Garten, dann hundert Meter zurück. Hinter dem Haus gibt es einen kostenlosen Parkplatz.</p>
<h2>Wels</h2><p>Bahnhofring 3, 4600 Wels<br>Telefon +43 7242 555 0111</p>
<table><tr><th>Tag</th><th>Uhrzeit</th></tr><tr><td>Montag</td><td>geschlossen</td></tr><tr><td>Dienstag bis Freitag</td><td>9:00 – 18:00</td></tr>
<tr><td>Samstag</td><td>9:00 – 13:00</td></tr></table>
<p>Das Center in Wels liegt gleich neben dem Bahnhof. Hunde sind an der Leine willkommen.</p></main></body></html>
""",
    "jahr.txt": """FARN & CO - DAS JAHR

Frühlingsmarkt: an den zwei Samstagen vor Ostern hat Linz bis 20:00 geöffnet.
24. Dezember: beide Center schließen um 12:00.
""",
    "kontakt.md": """# Kontakt

## Kundendienst

Sie erreichen uns von Montag bis Freitag zwischen 9:00 und 16:00 Uhr.

- Telefon: +43 732 555 0100
- E-Mail: hallo@farn.example

E-Mails beantworten wir innerhalb von zwei Werktagen.

## Datenschutz

Schreiben Sie an datenschutz@farn.example.
""",
    "lieferung.md": """# Lieferung

## Kosten

| Bestellung | Lieferung |
| --- | --- |
| Pflanzen und Werkzeug | 7,90 € |
| Erde und Töpfe über 20 kg | 24 € |

Bestellungen ab 90 € liefern wir kostenlos.

## Lieferzeit

Pflanzen sind zwei bis vier Werktage unterwegs.

## Niemand zu Hause

Der Fahrer stellt Pflanzen neben die Tür in den Schatten.

## Express

Express kostet 12 € und kommt am nächsten Werktag.
""",
    "rueckgabe.md": """# Rückgabe

Werkzeug und Töpfe nehmen wir innerhalb von 30 Tagen mit dem Kassenbon zurück.

## Ausgeschlossen

- Schnittblumen
- Geöffnete Samentüten

## Wann bekomme ich mein Geld?

Wir prüfen Rücksendungen innerhalb von 3 Werktagen. Auf der Karte dauert es weitere 2 bis 4 Bankarbeitstage.
""",
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def centres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TakenIn]:
    """What answers about the two garden centres; one for all tests."""
    async with taken_in(tmp_path_factory.mktemp("centres"), PAGES) as centres:
        yield centres


@pytest.mark.parametrize(
    ("question", "wanted", "other"),
    [
        # Of two branches both are told, and a day of the year is no answer.
        ("when are you open on saturday", ("8:00 – 17:00", "9:00 – 13:00"), "Easter"),
        ("what time do you close on saturday", ("17:00", "13:00"), "stocktaking"),
        ("until when are you open on Tuesday?", ("18:30", "18:00"), "Easter"),
        ("what are your opening hours?", ("Linz", "8:00 – 18:30", "Wels", "9:00 – 18:00"), "Easter"),
        ("when is the centre in Wels open on Saturday?", ("9:00 – 13:00",), "17:00"),
        ("are you open on Christmas Eve?", ("12:00",), ""),
        # Where they are is an address.
        ("where are you?", ("Gärtnerstraße 12", "Bahnhofring 3"), ""),
        ("where is your garden centre in Linz", ("Gärtnerstraße 12",), "Bahnhofring"),
        ("how do I get to the shop in Linz?", ("Bus 27",), "parcel"),
        ("is there parking", ("car park",), "parcel"),
        ("are dogs allowed?", ("welcome on a lead",), ""),
        # How they are reached: the mailbox that is for everybody.
        ("what is your email", ("hello@fern.example",), "privacy@"),
        ("phone number?", ("555 01",), "privacy@"),
        ("can i call you?", ("555 01",), "privacy@"),
        ("when can I call customer service", ("9:00 and 16:00",), "Easter"),
        ("how fast do you answer emails?", ("two working days",), ""),
        # What stands below a heading that the question repeats.
        ("nobody was at home, what happens to my parcel?", ("beside the door",), "hotline"),
        ("whats the fastest delivery", ("next working day",), "scan"),
        ("can i get it tomorrow?", ("next working day",), "scan"),
        ("when do i see the refund on my card", ("2 to 4 banking days",), ""),
        # What is not so, where it is asked which are.
        ("which jackets are waterproof?", ("Heath",), "Moor – Kind: softshell; Weather: not waterproof"),
    ],
)
async def test_it_is_told(centres: TakenIn, question: str, wanted: tuple[str, ...], other: str) -> None:
    found = await centres.ask(question)
    assert isinstance(found.outcome, Reply), found.text
    for part in wanted:
        assert part in found.text
    assert not other or other not in found.text


async def test_items_below_a_heading_of_exceptions_stand_with_it(centres: TakenIn) -> None:
    found = await centres.ask("what is excluded from returns?")
    assert found.text.startswith("Excluded:\n- Cut flowers")


@pytest.mark.parametrize(
    "question",
    [
        "are you open on New Year's Eve?",
        "where do you grow your roses?",
        "are cats allowed?",
        "is there a playground?",
        "what is your fax number?",
        "what's your VAT number? my accountant asks for it",
        "when can I call the gardener?",
    ],
)
async def test_what_the_pages_do_not_say_is_not_answered(centres: TakenIn, question: str) -> None:
    assert not isinstance((await centres.ask(question)).outcome, Reply)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gartencenter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TakenIn]:
    """The same two in German."""
    async with taken_in(tmp_path_factory.mktemp("gartencenter"), GERMAN) as gartencenter:
        yield gartencenter


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("wann habt ihr am samstag offen", ("8:00 – 17:00", "9:00 – 13:00")),
        ("wann macht ihr am samstag zu", ("17:00", "13:00")),
        ("habt ihr sonntags offen", ("geschlossen",)),
        ("habt ihr heiligabend offen", ("12:00",)),
        ("wo seid ihr", ("Gärtnerstraße 12", "Bahnhofring 3")),
        ("wo ist euer gartencenter in linz", ("Gärtnerstraße 12",)),
        ("sind hunde erlaubt", ("willkommen",)),
        ("wie ist eure telefonnummer", ("555 01",)),
        ("email adresse", ("hallo@farn.example",)),
        ("gibt es parkplätze", ("kostenlosen Parkplatz",)),
        ("wann ist das geld auf meiner karte", ("2 bis 4 Bankarbeitstage",)),
    ],
)
async def test_it_is_told_in_german(gartencenter: TakenIn, question: str, wanted: tuple[str, ...]) -> None:
    found = await gartencenter.ask(question)
    assert isinstance(found.outcome, Reply), found.text
    for part in wanted:
        assert part in found.text


@pytest.mark.parametrize(
    "question", ["habt ihr einen spielplatz", "sind katzen erlaubt", "habt ihr silvester offen"]
)
async def test_what_german_pages_do_not_say_is_not_answered(gartencenter: TakenIn, question: str) -> None:
    assert not isinstance((await gartencenter.ask(question)).outcome, Reply)
