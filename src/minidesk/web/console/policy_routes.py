"""A site's service-level policies: for its administrators alone."""

import secrets
from dataclasses import asdict, dataclass

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.accounts import differences, record
from minidesk.errors import MinideskError, NotFound
from minidesk.sites import site_by_id
from minidesk.text.normalise import replace_surrogates, whole_number
from minidesk.tickets import COUNTS, Policy, delete_policy, list_policies, put_policy
from minidesk.web.console.contexts import Option, Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import Translate, View

HERE = "/console/policies"
CLOCKS = ("first_minutes", "next_minutes", "resolution_minutes", "warn_minutes")


@dataclass(frozen=True, slots=True)
class PolicyForm:
    """A policy as its form shows it; without a key the one that is being made. `minutes`: (field, value) of each clock."""

    key: str
    name: str
    minutes: tuple[tuple[str, str], ...]
    counts: tuple[Option, ...]
    default: bool
    said: str = ""  # what it promises, in one line
    open: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PoliciesPage:
    """The page. `hours`: the site has opening hours, without which those of a policy are all hours."""

    shell: Shell
    rows: tuple[PolicyForm, ...]
    new: PolicyForm
    hours: bool


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/policies")
    async def policies_page(request: Request) -> Response:
        return await _page(await access_viewer(deps, request, role="admin"))

    @router.post("/policies")
    async def create(request: Request) -> Response:
        return await _save(request, "")

    @router.post("/policies/{policy_key}")
    async def change(request: Request, policy_key: str) -> Response:
        return await _save(request, policy_key)

    @router.post("/policies/{policy_key}/delete")
    async def delete(request: Request, policy_key: str) -> Response:
        await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            names = {each.key: each.name for each in await list_policies(tx, viewer.site.site_id)}
            await delete_policy(tx, viewer.site.site_id, policy_key)
            await record(
                tx, deps.clock(), viewer.actor, "policies.deleted", site_id=viewer.site.site_id,
                target_id=policy_key, target_name=names[policy_key],
            )  # fmt: skip
        return RedirectResponse(HERE, status_code=303)

    async def _save(request: Request, key: str) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        site_id = viewer.site.site_id
        written = read_policy(form, key or f"p-{secrets.token_hex(6)}")
        try:
            async with deps.db.write() as tx:
                before = {each.key: each for each in await list_policies(tx, site_id)}
                if key and key not in before:
                    raise NotFound
                await put_policy(tx, site_id, written, deps.clock())
                stored = next(each for each in await list_policies(tx, site_id) if each.key == written.key)
                old = asdict(before[key]) if key else {}
                await record(
                    tx, deps.clock(), viewer.actor, f"policies.{'changed' if key else 'created'}", site_id=site_id,
                    target_id=stored.key, target_name=stored.name, changes=differences(old, asdict(stored)) if key else None,
                )  # fmt: skip
        except NotFound:
            raise  # there is no form to show it in
        except MinideskError as error:
            return await _page(viewer, written, key, error)
        return RedirectResponse(f"{HERE}#{written.key}", status_code=303)

    async def _page(
        viewer: Viewer, written: Policy | None = None, key: str = "", error: MinideskError | None = None
    ) -> Response:
        site_id = viewer.site.site_id
        async with deps.db.read() as tx:
            policies = await list_policies(tx, site_id)
            waiting = await waiting_count(tx, site_id, viewer.agent.agent_id)
            hours = (await site_by_id(tx, site_id)).config.hours is not None
        problem = error.message if error else ""
        rows = tuple(
            form_of(
                written if written and each.key == key else each, view.t, problem if each.key == key else ""
            )
            for each in policies
        )
        new = form_of(written, view.t, problem) if written and not key else form_of(Policy("", ""), view.t)
        page = PoliciesPage(shell(viewer, "site", waiting), rows, new, hours)
        return view.html("policies.html", status=error.status if error else 200, page=page)


def read_policy(form: FormData, key: str) -> Policy:
    """What a form says, unchecked."""

    def minutes(name: str) -> int | None:
        raw = field(form, name).strip()
        number = whole_number(raw, 8)
        # What is no number is out of the range too, and the range is what the person is told.
        return None if not raw else -1 if number is None else number

    return Policy(
        key,
        replace_surrogates(field(form, "name")),
        first_minutes=minutes("first_minutes"),
        next_minutes=minutes("next_minutes"),
        resolution_minutes=minutes("resolution_minutes"),
        counts="calendar" if field(form, "counts") == "calendar" else "opening_hours",
        warn_minutes=minutes("warn_minutes"),
        default=field(form, "default") == "yes",
    )


def form_of(policy: Policy, t: Translate, problem: str = "") -> PolicyForm:
    """The form that shows a policy."""
    values = asdict(policy)
    shown = {name: "" if values[name] is None or values[name] < 0 else str(values[name]) for name in CLOCKS}
    return PolicyForm(
        policy.key,
        policy.name,
        tuple(shown.items()),
        tuple(Option(each, t(f"policies.counts.{each}"), each == policy.counts) for each in COUNTS),
        policy.default,
        "; ".join(t(f"policies.said.{name}", n=value) for name, value in shown.items() if value),
        bool(problem),
        problem,
    )
