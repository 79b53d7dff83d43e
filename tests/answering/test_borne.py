"""A model's likely mistakes about pages that no rule was made for are not shown, and what it tells faithfully mostly is.

borne.jsonl: pages of a hotel, a bank's cards, a product with plans, a gym and a railway, and in German of an energy supplier
and a mobile provider, and at its end of ten more kinds (insurance claims, a ferry line, a library, …); then sentences about
them, `borne` or not. Those that are not have left out a condition or an
exception, said all or only too much, changed rows, columns, subjects, limits, days or steps, or made up the rest. The
sentences were written before the rules were read, and those with nothing `asked` when most rules stood: the proof of that
day showed 21 of the first 160, 24 of the next 210, and of the 150 about the ten kinds at the end 14.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from minidesk.answering.prove import Prover
from minidesk.answering.rank import Remembered, WordNearness
from minidesk.gateway.scripted import Line, ScriptedModel
from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.records import Passage
from tests.answering.shop import passage
from tests.hostile.desk import hostile_desk

ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "borne.jsonl").read_text(encoding="utf-8").splitlines()
]
PAGES = [row for row in ROWS if "says" in row]
FALSE = [row for row in ROWS if row.get("borne") is False]
TRUE = [row for row in ROWS if row.get("borne") is True]
# As measured. Not one of them may come on top: a visitor reads it, and no page says it.
STILL_SHOWN = {
    "The PIN is sent with the new card.",  # it "of the new card comes in a separate letter"
    "Guests may come once a month.",  # "come" for "bring"
    "Beginners' courses are open only to those who have attended an advanced course.",
}
LOST = 27  # of 227
PROVED = 115  # of 227; the page speaks for the others


def passages(site: str) -> list[Passage]:
    return [
        passage(page["says"], *page["heading"], title=page["title"], name=f"{site}-{number}")
        for number, page in enumerate(PAGES)
        if page["site"] == site
    ]


async def test_what_no_page_bears_out_is_not_shown(embedder: Embedder) -> None:
    embed = Remembered(embedder.documents)
    assert len(FALSE) == 520
    assert {
        row["sentence"]
        for row in FALSE
        if await Prover(passages(row["site"]), embed, WordNearness(embed)).prove(row["sentence"])
    } <= STILL_SHOWN


async def test_what_a_page_bears_out_is_mostly_said(embedder: Embedder) -> None:
    embed = Remembered(embedder.documents)
    hows, lost = Counter[str](), []
    for row in TRUE:
        said = await Prover(passages(row["site"]), embed, WordNearness(embed)).say(row["sentence"])
        hows[said.how] += 1
        lost += [row["sentence"]] * (said.how == "lost")
    print(dict(hows), lost)
    assert hows.total() == 227
    assert len(lost) <= LOST, lost
    assert hows["proved"] >= PROVED


@pytest.mark.timeout(300)
async def test_through_the_door_nothing_invented_is_read(tmp_path: Path) -> None:
    """A model that invents, a few letters at a time, over HTTP: in the stream and in what is stored is none of it."""
    asked = "When can I cancel a booking, and what does parking cost?"
    invented = [row["sentence"] for row in FALSE if row["site"] == "hotel" and "asked" in row][15:34:2]
    honest = "Saver rate: cannot be cancelled or changed, and is paid when booking."
    answer = " ".join([honest, *invented])
    pieces = [answer[i : i + 4] for i in range(0, len(answer), 4)]
    model = ScriptedModel(otherwise=lambda request: Line(pieces))
    async with hostile_desk(tmp_path, model) as (desk, _):
        for number, page in enumerate(one for one in PAGES if one["site"] == "hotel"):
            text = f"# {page['heading'][-1]}\n\n{page['says']}"
            await desk.put(f"hotel-{number}.md", page["title"], text, desk.api_key)
        await desk.all_read(desk.api_key)
        await desk.found("Saver rate", desk.api_key)
        talk = await desk.start()
        await desk.say(talk, [asked])
        await desk.finish(talk)
    assert len(invented) == 10
    assert len(model.requests) == 1
    # The pieces of the stream one after the other, as they are read.
    streamed = "".join(text for raw in talk.streamed if isinstance(text := json.loads(raw).get("text"), str))
    stored = json.dumps(talk.stored, ensure_ascii=False)
    assert honest in streamed
    for sentence in invented:
        assert sentence not in streamed
        assert sentence not in stored
