"""Two ways to answer, side by side: start, watch, end."""

import asyncio
import difflib
from dataclasses import dataclass

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.errors import Invalid, MinideskError
from minidesk.insight.experiments import Estimate, Outcome, outcomes, seen
from minidesk.sites import (
    ExperimentView,
    Variant,
    end_experiment,
    list_experiments,
    site_by_id,
    start_experiment,
)
from minidesk.web.console.contexts import Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import Translate, View

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
    changes: tuple[tuple[str, str], ...]  # of the instructions: added, removed or same, and the line


@dataclass(frozen=True, slots=True)
class ExperimentsPage:
    """The page. `given`: what was written in the form, when it could not be used."""

    shell: Shell
    trials: tuple[Trial, ...]
    running: bool
    instructions: str
    given: dict[str, str]
    problem: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/experiments")
    async def experiments(request: Request) -> Response:
        return await _page(await access_viewer(deps, request, role="admin"))

    @router.post("/experiments")
    async def start(request: Request) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        try:
            a, b = _variant(form, "a"), _variant(form, "b")
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
            return await _page(viewer, error, {key: str(value) for key, value in form.items()})
        return RedirectResponse(PATH, status_code=303)

    @router.post("/experiments/{experiment_id}/end")
    async def end(request: Request, experiment_id: str) -> Response:
        await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await end_experiment(tx, viewer.site.site_id, experiment_id, deps.clock())
        return RedirectResponse(PATH, status_code=303)

    async def _page(
        viewer: Viewer, problem: MinideskError | None = None, given: dict[str, str] | None = None
    ) -> Response:
        site_id = viewer.site.site_id
        async with deps.db.read() as tx:
            waiting = await waiting_count(tx, site_id, viewer.agent.agent_id)
            views = await list_experiments(tx, site_id)
            found = [await seen(tx, one.id) for one in views]
            site = await site_by_id(tx, site_id)
        trials = await asyncio.to_thread(
            lambda: tuple(_trial(one, outcomes(of), view.t) for one, of in zip(views, found, strict=True))
        )
        page = ExperimentsPage(
            shell(viewer, "models", waiting),
            trials,
            any(one.ended_at is None for one in views),
            site.config.instructions,
            given or {},
            problem.message if problem else "",
        )
        return view.html("experiments.html", status=problem.status if problem else 200, page=page)


def _variant(form: FormData, letter: str) -> Variant:
    """One side of the form; an empty field leaves things as they are. Raises `Invalid`."""
    raw = {name: field(form, f"{letter}_{name}") for name in ("instructions", "temperature", "passages")}
    given: dict[str, object] = {name: value for name, value in raw.items() if value}
    given["large"] = field(form, f"{letter}_large") != "no"
    try:
        return Variant.model_validate(given)
    except ValidationError as error:
        what = str(error.errors()[0]["loc"][0])
        raise Invalid(
            f"Variant {letter.upper()}: {_WANTED.get(what, 'this cannot be used.')}", code="variant_invalid"
        ) from error


_WANTED = {
    "temperature": "the temperature is a number from 0 to 1.5.",
    "passages": "give the model 1 to 10 passages.",
    "instructions": "instructions have at most 4,000 characters.",
}


def _trial(one: ExperimentView, of: dict[str, Outcome], t: Translate) -> Trial:
    a, b = of["a"], of["b"]
    rows = [FigureRow(t("trial.conversations"), str(a.conversations), str(b.conversations), apart=False)]
    for name in ("answered", "handed_off", "helpful", "cost", "ms"):
        left, right = getattr(a, name), getattr(b, name)
        rows.append(
            FigureRow(t(f"trial.{name}"), _written(name, left), _written(name, right), _apart(left, right))
        )
    settings = tuple(
        (t(f"trial.{name}"), _setting(one.a, name, t), _setting(one.b, name, t))
        for name in ("temperature", "passages", "large")
        if getattr(one.a, name) != getattr(one.b, name)
    )
    return Trial(one, tuple(rows), settings, _changes(one.a.instructions or "", one.b.instructions or ""))


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
    value = getattr(variant, name)
    if name == "large":
        return t("trial.large_may") if value else t("trial.large_never")
    return t("trial.usual") if value is None else str(value)


_KINDS = {"+": "added", "-": "removed", " ": "same"}


def _changes(a: str, b: str) -> tuple[tuple[str, str], ...]:
    if a == b:
        return ()
    lines = difflib.ndiff(a.splitlines(), b.splitlines())
    return tuple((_KINDS[line[0]], line[2:]) for line in lines if line[0] in _KINDS)
