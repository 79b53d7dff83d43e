"""A site's service-level policies: for its administrators alone."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import differences, record
from minidesk.errors import MinideskError, NotFound
from minidesk.sites import site_by_id
from minidesk.text.normalise import replace_surrogates, whole_number
from minidesk.tickets import COUNTS, Policy, delete_policy, list_policies, put_policy
from minidesk.web.console.contexts import Option, Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.view import Translate, View, to

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
        return await _page(deps, view, await access_viewer(deps, request, role="admin"))

    @router.post("/policies")
    async def create(request: Request) -> Response:
        return await _save(deps, view, request, "")

    @router.post("/policies/{policy_key}")
    async def change(request: Request, policy_key: str) -> Response:
        return await _save(deps, view, request, policy_key)

    @router.post("/policies/{policy_key}/delete")
    async def delete(request: Request, policy_key: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            names = {each.key: each.name for each in await list_policies(tx, viewer.site.site_id)}
            await delete_policy(tx, viewer.site.site_id, policy_key)
            await record(
                tx, deps.clock(), viewer.actor, "policies.deleted", site_id=viewer.site.site_id,
                target_id=policy_key, target_name=names[policy_key],
            )  # fmt: skip
        return to(HERE)


async def _save(deps: ConsoleDeps, view: View, request: Request, key: str) -> Response:
    viewer, form = await checked_viewer(deps, request, role="admin")
    written = read_policy(form, key or f"p-{secrets.token_hex(6)}")
    try:
        await _write(deps, viewer, written, new=not key)
    except NotFound:
        raise  # there is no form to show it in
    except MinideskError as error:
        typed = {name: field(form, name) for name in CLOCKS}
        refused = form_of(written, view.t, error.message, typed)
        return await _page(deps, view, viewer, refused, key, error.status)
    return to(f"{HERE}#{written.key}")


async def _write(deps: ConsoleDeps, viewer: Viewer, written: Policy, *, new: bool) -> None:
    """Make the policy, or change it, and say so in the audit log. Raises `NotFound` where there is none to change."""
    site_id = viewer.site.site_id
    async with deps.db.write() as tx:
        before = {each.key: each for each in await list_policies(tx, site_id)}
        if not new and written.key not in before:
            raise NotFound
        await put_policy(tx, site_id, written, deps.clock())
        stored = next(each for each in await list_policies(tx, site_id) if each.key == written.key)
        changes = None if new else differences(asdict(before[written.key]), asdict(stored))
        await record(
            tx, deps.clock(), viewer.actor, f"policies.{'created' if new else 'changed'}", site_id=site_id,
            target_id=stored.key, target_name=stored.name, changes=changes,
        )  # fmt: skip


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    refused: PolicyForm | None = None,
    key: str = "",
    status: int = 200,
) -> Response:
    """The page; `refused` stands in the place of the policy `key`, or of the new one."""
    site_id = viewer.site.site_id
    async with deps.db.read() as tx:
        policies = await list_policies(tx, site_id)
        around = await shell_of(tx, viewer, "site")
        hours = (await site_by_id(tx, site_id)).config.hours is not None
    rows = tuple(refused if refused and each.key == key else form_of(each, view.t) for each in policies)
    new = refused if refused and not key else form_of(Policy("", ""), view.t)
    page = PoliciesPage(around, rows, new, hours)
    return view.html("policies.html", status=status, page=page)


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


def form_of(
    policy: Policy, t: Translate, problem: str = "", typed: Mapping[str, str] | None = None
) -> PolicyForm:
    """The form that shows a policy. `typed`: what was written where a number was wanted; a person mends it sooner than
    they find it again."""
    values = asdict(policy)
    said = {name: values[name] for name in CLOCKS if values[name] is not None and values[name] >= 0}
    shown = typed or {name: str(value) for name, value in said.items()}
    return PolicyForm(
        policy.key,
        policy.name,
        tuple((name, shown.get(name, "")) for name in CLOCKS),
        tuple(Option(each, t(f"policies.counts.{each}"), each == policy.counts) for each in COUNTS),
        policy.default,
        "; ".join(t(f"policies.said.{name}", n=value) for name, value in said.items()),
        bool(problem),
        problem,
    )
