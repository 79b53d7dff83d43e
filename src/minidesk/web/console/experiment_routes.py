"""Two ways to answer, side by side: start, watch, end."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from minidesk.answering.prompt import whole
from minidesk.errors import Invalid, MinideskError
from minidesk.gateway import Order
from minidesk.insight.experiments import Estimate, Outcome, outcomes, seen
from minidesk.knowledge.compare import Line, compare
from minidesk.sites import (
    ExperimentView,
    PromptWords,
    Variant,
    end_experiment,
    list_experiments,
    list_prompts,
    site_by_id,
    start_experiment,
    words_of,
)
from minidesk.sites.experiments import MOST_MODELS
from minidesk.web.console.contexts import Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.view import Translate, View, to

PATH = "/console/experiments"


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure of both variants, written out; `apart`: their intervals do not touch."""

    name: str
    a: str
    b: str
    apart: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment as it is shown."""

    view: ExperimentView
    figures: tuple[FigureRow, ...]
    settings: tuple[tuple[str, str, str], ...]  # what, in A, in B; only where they differ
    changes: tuple[Line, ...]  # of what the model is told, from A to B


@dataclass(frozen=True, slots=True)
class ExperimentsPage:
    """The page. `given`: what was written in the form, when it could not be used."""

    shell: Shell
    trials: tuple[Trial, ...]
    running: bool
    instructions: str
    prompts: tuple[int, ...]  # the numbers of the site's versions, the latest first
    models: tuple[str, ...]  # that a variant may name
    given: dict[str, str]
    problem: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/experiments")
    async def experiments(request: Request) -> Response:
        return await _page(deps, view, await access_viewer(deps, request, role="admin"))

    @router.post("/experiments")
    async def start(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        async with deps.db.read() as tx:
            usual = (await site_by_id(tx, viewer.site.site_id)).config.instructions
        try:
            a, b = (_variant(form, letter, usual, deps.model_names) for letter in ("a", "b"))
            share = field(form, "share")
            async with deps.db.write() as tx:
                await start_experiment(
                    tx,
                    viewer.site.site_id,
                    name=field(form, "name"),
                    share=int(share) if share.isdecimal() else 0,
                    a=a,
                    b=b,
                    by=viewer.agent.name,
                    now=deps.clock(),
                )
        except MinideskError as error:
            given = {key: str(value) for key, value in form.items()}
            return await _page(deps, view, viewer, error, given)
        return to(PATH)

    @router.post("/experiments/{experiment_id}/end")
    async def end(request: Request, experiment_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await end_experiment(tx, viewer.site.site_id, experiment_id, deps.clock())
        return to(PATH)


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    problem: MinideskError | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    """The page; with a `problem`, what was `given` comes back."""
    site_id = viewer.site.site_id
    async with deps.db.read() as tx:
        around = await shell_of(tx, viewer, "models")
        views = await list_experiments(tx, site_id)
        prompts = await list_prompts(tx, site_id)
        found = [await seen(tx, one.id) for one in views]
        site = await site_by_id(tx, site_id)
    # Of an ended one nobody knows what was usual then: only what its variants said themselves is compared.
    usual = words_of(site.config)
    told = {one.n: one.words for one in prompts} | {0: PromptWords()}
    trials = await asyncio.to_thread(
        lambda: tuple(
            _trial(one, outcomes(of), told, usual if one.ended_at is None else PromptWords(), view.t)
            for one, of in zip(views, found, strict=True)
        )
    )
    page = ExperimentsPage(
        around,
        trials,
        any(one.ended_at is None for one in views),
        site.config.instructions,
        tuple(one.n for one in prompts),
        tuple(deps.model_names),
        given or {},
        problem.message if problem else "",
    )
    return view.html("experiments.html", status=problem.status if problem else 200, page=page)


def _variant(form: FormData, letter: str, usual: str, known: Collection[str]) -> Variant:
    """One side of the form; an empty field leaves things as they are. `usual`: the site's own instructions. Raises `Invalid`."""
    names = ("prompt", "instructions", "temperature", "passages")
    given: dict[str, object] = {
        name: value
        for name in names
        if (value := field(form, f"{letter}_{name}").replace("\r\n", "\n").strip())
    }
    # The form shows the site's instructions to be changed: left as they are, they say nothing beside a version.
    if "prompt" in given and given.get("instructions") == usual.strip():
        del given["instructions"]
    given["models"] = Order(_names(form, f"{letter}_models"), _names(form, f"{letter}_large_models"))
    given["large"] = field(form, f"{letter}_large") != "no"
    try:
        variant = Variant.model_validate(given)
    except ValidationError as error:
        what = str(error.errors()[0]["loc"][0])
        raise Invalid(
            f"Variant {letter.upper()}: {_WANTED.get(what, 'this cannot be used.')}", code="variant_invalid"
        ) from error
    for name in (*variant.models.mini, *variant.models.large):
        if name not in known:
            raise Invalid(
                f"Variant {letter.upper()}: there is no model {name[:80]}. Write names as they stand in minidesk.toml.",
                code="variant_invalid",
            )
    return variant


def _names(form: FormData, of: str) -> tuple[str, ...]:
    """Names of models, in the order in which they were written."""
    return tuple(dict.fromkeys(field(form, of).replace(",", " ").split()))


_WANTED = {
    "temperature": "the temperature is a number from 0 to 1.5.",
    "passages": "give the model 1 to 10 passages.",
    "instructions": "instructions have at most 4,000 characters.",
    "prompt": "choose one of the versions of the prompt.",
    "models": f"name up to {MOST_MODELS} models a tier.",
}


def _trial(
    one: ExperimentView,
    of: dict[str, Outcome],
    told: Mapping[int, PromptWords],
    usual: PromptWords,
    t: Translate,
) -> Trial:
    a, b = of["a"], of["b"]
    rows = [FigureRow(t("trial.conversations"), str(a.conversations), str(b.conversations), apart=False)]
    for name in ("answered", "handed_off", "helpful", "by_large", "cost", "ms"):
        left, right = getattr(a, name), getattr(b, name)
        rows.append(
            FigureRow(t(f"trial.{name}"), _written(name, left), _written(name, right), _apart(left, right))
        )
    settings = tuple(
        (t(f"trial.{name}"), a_is, b_is)
        for name in ("prompt", "models", "temperature", "passages", "large", "large_models")
        for a_is, b_is in [(_setting(one.a, name, t), _setting(one.b, name, t))]
        if a_is != b_is
    )
    compared = compare(_told(one.a, told, usual), _told(one.b, told, usual))
    changes = compared.lines if compared.added or compared.removed else []
    return Trial(one, tuple(rows), settings, tuple(changes))


def _told(variant: Variant, told: Mapping[int, PromptWords], usual: PromptWords) -> str:
    """What the model is told in a variant; `usual` where that says nothing of its own."""
    words = usual if variant.prompt is None else told.get(variant.prompt, usual)
    instructions = words.instructions if variant.instructions is None else variant.instructions
    return whole(words.rules, instructions)


def _apart(a: Estimate, b: Estimate) -> bool:
    return a.value is not None and b.value is not None and (a.high < b.low or b.high < a.low)


def _written(name: str, one: Estimate) -> str:
    if one.value is None:
        return "–"
    if name == "cost":
        return f"${one.value:.5f} (${one.low:.5f}–{one.high:.5f})"
    if name == "ms":
        return f"{one.value:.0f} ms ({one.low:.0f}–{one.high:.0f})"
    return f"{100 * one.value:.0f} % ({100 * one.low:.0f}–{100 * one.high:.0f}), n={one.of}"


def _setting(variant: Variant, name: str, t: Translate) -> str:
    if name in ("models", "large_models"):
        order = variant.models.large if name == "large_models" else variant.models.mini
        return " → ".join(order) or t("trial.usual")
    value = getattr(variant, name)
    if name == "large":
        return t("trial.large_may") if value else t("trial.large_never")
    if name == "prompt" and value is not None:
        return t("versions.n", n=value) if value else t("trial.prompt_shipped")
    return t("trial.usual") if value is None else str(value)
