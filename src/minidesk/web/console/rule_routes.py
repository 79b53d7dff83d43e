"""A site's routing rules: for its administrators alone. A rule is saved after it was tried on past tickets."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from minidesk.db import Tx
from minidesk.errors import MinideskError, NotFound
from minidesk.sites import site_by_id
from minidesk.tickets import (
    PAST,
    Rule,
    Tried,
    check_rule_here,
    list_rules,
    past_tickets,
    remove_rule,
    save_rule,
    shift_rule,
    try_rule,
)
from minidesk.web.console.contexts import Shell, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.rule_form import (
    Names,
    RuleForm,
    form_of,
    names_of,
    read_rule,
    say_effect,
    say_when,
    seal,
)
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate, View, to

HERE = "/console/rules"
SHOWN = 20  # of the tickets that a rule would have been for


@dataclass(frozen=True, slots=True)
class PastLine:
    """A ticket that the rule would have been for."""

    href: str
    number: int
    subject: str
    at: When


@dataclass(frozen=True, slots=True)
class TriedPart:
    """What came of trying a rule. `ask`: it was to be saved, and is after one more press."""

    matched: int
    of: int
    lines: tuple[PastLine, ...]
    ask: bool


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule in the list, in words."""

    form: RuleForm
    when: str
    then: str
    first: bool
    last: bool


@dataclass(frozen=True, slots=True)
class RulesPage:
    """The page. `tried` belongs to the form whose `seal` is set."""

    shell: Shell
    rows: tuple[RuleRow, ...]
    new: RuleForm
    past: int
    tried: TriedPart | None = None


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/rules")
    async def rules_page(request: Request) -> Response:
        return await _page(deps, view, await access_viewer(deps, request, role="admin"))

    @router.post("/rules")
    async def create(request: Request) -> Response:
        return await _save(deps, view, request, "")

    @router.post("/rules/{rule_key}")
    async def change(request: Request, rule_key: str) -> Response:
        return await _save(deps, view, request, rule_key)

    @router.post("/rules/{rule_key}/move")
    async def move(request: Request, rule_key: str) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            by = 1 if field(form, "by") == "down" else -1
            await shift_rule(tx, viewer.site.site_id, rule_key, by, deps.clock(), viewer.actor)
        return to(f"{HERE}#{rule_key}")

    @router.post("/rules/{rule_key}/delete")
    async def delete(request: Request, rule_key: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await remove_rule(tx, viewer.site.site_id, rule_key, deps.clock(), viewer.actor)
        return to(HERE)


async def _save(deps: ConsoleDeps, view: View, request: Request, key: str) -> Response:
    """Keep a rule that was tried as it is; before that, the form comes back with what it would have done."""
    viewer, form = await checked_viewer(deps, request, role="admin")
    site_id = viewer.site.site_id
    if key:
        async with deps.db.read() as tx:
            if key not in {rule.key for rule in await list_rules(tx, site_id)}:
                raise NotFound
    written = read_rule(form, key or f"r-{secrets.token_hex(6)}")
    try:
        async with deps.db.read() as tx:
            rule = await check_rule_here(tx, site_id, written)
        tried = seal(rule) == field(form, "tried")
        if field(form, "do") == "try" or not tried:
            return await _page(deps, view, viewer, form, key, rule=rule, ask=field(form, "do") != "try")
        async with deps.db.write() as tx:
            await save_rule(tx, site_id, rule, deps.clock(), viewer.actor)
    except MinideskError as error:
        return await _page(deps, view, viewer, form, key, error=error)
    return to(f"{HERE}#{rule.key}")


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    form: FormData | None = None,
    key: str = "",
    *,
    rule: Rule | None = None,
    ask: bool = False,
    error: MinideskError | None = None,
) -> Response:
    """The page. With `form`, what was written comes back; `rule` is what it says, to be tried."""
    site_id = viewer.site.site_id
    async with deps.db.read() as tx:
        rules = await list_rules(tx, site_id)
        names = await names_of(tx, site_id)
        around = await shell_of(tx, viewer, "site")
        tried = await _tried(tx, site_id, rule, ask, deps.clock()) if rule else None
    forms = [form_of(each, names, view.t) for each in rules]
    new = form_of(Rule("", ""), names, view.t)
    if form is not None:
        back = replace(
            form_of(read_rule(form, key), names, view.t),
            open=True,
            problem=error.message if error else "",
            seal=seal(rule) if rule else "",
        )
        forms = [back if each.key == key else each for each in forms]
        new = new if key else back
    page = RulesPage(around, _rows(rules, forms, names, view.t), new, PAST, tried)
    return view.html("rules.html", status=error.status if error else 200, page=page)


def _rows(rules: list[Rule], forms: list[RuleForm], names: Names, t: Translate) -> tuple[RuleRow, ...]:
    return tuple(
        RuleRow(
            form,
            say_when(rule, names, t),
            say_effect(rule.effect, names, t),
            n == 0,
            n == len(rules) - 1,
        )
        for n, (rule, form) in enumerate(zip(rules, forms, strict=True))
    )


async def _tried(tx: Tx, site_id: str, rule: Rule, ask: bool, now: datetime) -> TriedPart:
    site = await site_by_id(tx, site_id)
    tried: Tried = try_rule(rule, await past_tickets(tx, site_id, site.config))
    lines = tuple(
        PastLine(f"/console/conversations/{p.conversation_id}", p.number, p.subject, when(p.created_at, now))
        for p in tried.matched[:SHOWN]
    )
    return TriedPart(len(tried.matched), tried.of, lines, ask)
