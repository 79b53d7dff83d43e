"""Two ways to answer, tried side by side: a conversation keeps the one that it was given."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from sqlalchemy import select

from minidesk.db import Tx
from minidesk.db.models import AnswerVersion, Experiment, Site, new_id
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.gateway import Order
from minidesk.sites.prompts import PromptWords, access_prompt

Letter = Literal["a", "b"]
# The experiments that the console lists: what was tried two years ago tells little about today's models.
LISTED = 20
# Names in a tier's order: more than any tier has.
MOST_MODELS = 8


def _order(value: Any) -> Any:
    """An experiment that began before large had an order kept mini's alone, as a list."""
    return Order(tuple(value)) if isinstance(value, list | tuple) else value


def _short(order: Order) -> Order:
    if max(len(order.mini), len(order.large)) > MOST_MODELS:
        raise ValueError(f"at most {MOST_MODELS} models a tier")
    return order


class Variant(BaseModel):
    """What differs from the site's usual way to answer; None: nothing. It can make no answer pass without its proof."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # A version of the site's prompt, by its number: its rules and its instructions; 0: the shipped prompt alone.
    prompt: Annotated[int, Field(ge=0)] | None = None
    # In the place of the site's own; the length is that of SiteConfig.instructions.
    instructions: Annotated[str, StringConstraints(max_length=4000, strip_whitespace=True)] | None = None
    temperature: Annotated[float, Field(ge=0, le=1.5)] | None = None
    passages: Annotated[int, Field(ge=1, le=10)] | None = None  # that the model is given
    # Asked first by each tier. One name in mini's order tries another model.
    models: Annotated[Order, BeforeValidator(_order), AfterValidator(_short)] = Order()
    rules: str | None = None  # of `prompt`, filled in when it is read; in the place of the site's own
    large: bool = True  # whether the large tier may be asked where the proof of mini's answer is too thin


@dataclass(frozen=True, slots=True)
class ExperimentView:
    """An experiment."""

    id: str
    name: str
    share: int  # of conversations that get B, in per cent
    a: Variant
    b: Variant
    started_by: str
    started_at: datetime
    ended_at: datetime | None

    def letter_of(self, conversation_id: str) -> Letter:
        """The conversation's variant: always the same one, by a hash that no other experiment shares."""
        digest = hashlib.sha256(f"{self.id} {conversation_id}".encode()).digest()
        return "b" if int.from_bytes(digest[:4], "big") % 100 < self.share else "a"

    def variant(self, letter: Letter) -> Variant:
        """What a letter stands for."""
        return self.b if letter == "b" else self.a


async def running_experiment(tx: Tx, site_id: str) -> ExperimentView | None:
    """The site's experiment that runs now, with the words of the prompts that its variants name."""
    row = await tx.scalar(
        select(Experiment).where(Experiment.site_id == site_id, Experiment.ended_at.is_(None))
    )
    if row is None:
        return None
    view = _view(row)
    return replace(view, a=await _worded(tx, site_id, view.a), b=await _worded(tx, site_id, view.b))


async def list_experiments(tx: Tx, site_id: str) -> list[ExperimentView]:
    """The latest first."""
    query = select(Experiment).where(Experiment.site_id == site_id)
    rows = await tx.scalars(query.order_by(Experiment.started_at.desc(), Experiment.id).limit(LISTED))
    return [_view(row) for row in rows]


async def start_experiment(
    tx: Tx, site_id: str, *, name: str, share: int, a: Variant, b: Variant, by: str, now: datetime
) -> str:
    """Begin; gives the experiment's id.

    Raises `Invalid`, `NotFound` for a version of the prompt that is none, and `Conflict` where another one runs.
    """
    if not name.strip():
        raise Invalid("Give the experiment a name.", code="name_missing")
    if not 1 <= share <= 99:
        raise Invalid("Give B between 1 and 99 per cent of the conversations.", code="share_invalid")
    for variant in (a, b):
        if variant.prompt is not None and variant.instructions is not None:
            raise Invalid(
                "Name a version of the prompt or write instructions, not both.", code="prompt_twice"
            )
        await _worded(tx, site_id, variant)
    if a == b:
        raise Invalid("A and B are the same: change something in B.", code="variants_equal")
    # Two administrators who press at once: the site's row makes one of them wait.
    await tx.get_one(Site, site_id, with_for_update=True)
    if await running_experiment(tx, site_id) is not None:
        raise Conflict("Another experiment runs. End it first.", code="experiment_runs")
    row = Experiment(
        id=new_id("exp"),
        site_id=site_id,
        name=name.strip()[:80],
        share=share,
        a=a.model_dump(mode="json"),
        b=b.model_dump(mode="json"),
        started_by=by,
        started_at=now,
        ended_at=None,
    )
    tx.add(row)
    return row.id


async def end_experiment(tx: Tx, site_id: str, experiment_id: str, now: datetime) -> None:
    """From now on every conversation is answered the usual way. Once more changes nothing; raises `NotFound`."""
    row = await tx.get(Experiment, experiment_id)
    if row is None or row.site_id != site_id:
        raise NotFound("There is no such experiment.")
    row.ended_at = row.ended_at or now


def note_version(
    tx: Tx, message_id: str, prompt: str, experiment: ExperimentView | None, letter: Letter | None
) -> None:
    """Keep how an answer was asked for, with the answer."""
    tx.add(
        AnswerVersion(
            message_id=message_id,
            prompt=prompt,
            experiment_id=experiment.id if experiment else None,
            variant=letter if experiment else None,
        )
    )


async def _worded(tx: Tx, site_id: str, variant: Variant) -> Variant:
    """With the words of the prompt that it names."""
    if variant.prompt is None:
        return variant
    words = PromptWords() if variant.prompt == 0 else (await access_prompt(tx, site_id, variant.prompt)).words
    return variant.model_copy(update={"rules": words.rules, "instructions": words.instructions})


def _view(row: Experiment) -> ExperimentView:
    return ExperimentView(
        row.id, row.name, row.share, Variant.model_validate(row.a), Variant.model_validate(row.b),
        row.started_by, row.started_at, row.ended_at,
    )  # fmt: skip
