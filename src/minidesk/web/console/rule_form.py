"""A routing rule as a form, and in words. Every field stands in the form once; what is left empty does not matter."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import FormData

from minidesk.accounts import list_people
from minidesk.db import Tx
from minidesk.text.normalise import replace_surrogates, whole_number
from minidesk.tickets import CHOICES, FIELDS, PRIORITIES, Condition, Effect, Rule, list_policies
from minidesk.web.console.contexts import Option
from minidesk.web.console.gate import field, fields
from minidesk.web.console.queries import list_teams
from minidesk.web.console.view import Translate

Names = Mapping[str, Mapping[str, str]]  # of teams, people and policies, by id


@dataclass(frozen=True, slots=True)
class FieldForm:
    """One thing that a rule can look at: boxes to tick, or words with commas between them."""

    name: str
    boxes: tuple[Option, ...]
    text: str
    negated: bool


@dataclass(frozen=True, slots=True)
class RuleForm:
    """A rule as its form shows it; without a key the one that is being made. `seal`: it was tried like this."""

    key: str
    name: str
    any: bool
    enabled: bool
    fields: tuple[FieldForm, ...]
    teams: tuple[Option, ...]
    priorities: tuple[Option, ...]
    people: tuple[Option, ...]
    policies: tuple[Option, ...]
    tags: str
    reply_minutes: str
    tell: bool
    stop: bool
    open: bool = False
    problem: str = ""
    seal: str = ""


async def names_of(tx: Tx, site_id: str) -> Names:
    """What ids in rules are called."""
    people = await list_people(tx, site_id)
    return {
        "team": dict(await list_teams(tx, site_id)),
        "people": {p.id: p.name for p in people},
        "policy": {p.key: p.name for p in await list_policies(tx, site_id)},
    }


def read_rule(form: FormData, key: str) -> Rule:
    """What a form says, unchecked."""
    conditions = []
    for name in FIELDS:
        given = [replace_surrogates(value) for value in fields(form, name)]
        if name in CHOICES or name == "team":
            values = [value for value in given if value]
        else:
            values = [part.strip() for value in given for part in value.replace("\n", ",").split(",")]
            values = [value for value in values if value]
        if values:
            conditions.append(Condition(name, tuple(values), field(form, f"not_{name}") == "yes"))
    tags = [part.strip() for part in replace_surrogates(field(form, "tags")).split(",")]
    minutes = field(form, "reply_minutes").strip()
    number = whole_number(minutes, 8)
    effect = Effect(
        team_id=field(form, "then_team") or None,
        priority=field(form, "then_priority") or None,  # type: ignore[arg-type]  # `check_rule` looks at it
        tags=tuple(tag for tag in tags if tag),
        assignee_id=field(form, "assignee") or None,
        # What is no number is out of the range too, and the range is what the person is told.
        reply_minutes=None if not minutes else -1 if number is None else number,
        tell=field(form, "tell") == "yes",
        stop=field(form, "stop") == "yes",
        policy=field(form, "policy") or None,
    )
    return Rule(
        key,
        replace_surrogates(field(form, "name")),
        "any" if field(form, "match") == "any" else "all",
        tuple(conditions),
        effect,
        field(form, "enabled") == "yes",
    )


def form_of(rule: Rule, names: Names, t: Translate) -> RuleForm:
    """The form that shows a rule."""
    by_field = {condition.field: condition for condition in rule.conditions}
    effect = rule.effect
    minutes = effect.reply_minutes
    return RuleForm(
        key=rule.key,
        name=rule.name,
        any=rule.match == "any",
        enabled=rule.enabled,
        fields=tuple(_field(name, by_field.get(name), names, t) for name in FIELDS),
        teams=tuple(Option(id, name, id == effect.team_id) for id, name in names["team"].items()),
        priorities=tuple(Option(p, t(f"priority.{p}"), p == effect.priority) for p in PRIORITIES),
        people=tuple(Option(id, name, id == effect.assignee_id) for id, name in names["people"].items()),
        policies=tuple(Option(key, name, key == effect.policy) for key, name in names["policy"].items()),
        tags=", ".join(effect.tags),
        reply_minutes="" if minutes is None or minutes < 0 else str(minutes),
        tell=effect.tell,
        stop=effect.stop,
    )


def _field(name: str, condition: Condition | None, names: Names, t: Translate) -> FieldForm:
    values = condition.values if condition else ()
    negated = bool(condition and condition.negated)
    if name == "team":
        boxes = tuple(Option(id, label, id in values) for id, label in names["team"].items())
        return FieldForm(name, boxes, "", negated)
    if name in CHOICES:
        boxes = tuple(Option(each, _word(name, each, t), each in values) for each in CHOICES[name])
        return FieldForm(name, boxes, "", negated)
    return FieldForm(name, (), ", ".join(values), negated)


def _word(name: str, value: str, t: Translate) -> str:
    return t(f"rules.hours_{value}") if name == "hours" else t(f"{name}.{value}")


def say_when(rule: Rule, names: Names, t: Translate) -> str:
    """The conditions in one line."""
    if not rule.conditions:
        return t("rules.always")
    said = []
    for each in rule.conditions:
        words = [
            names["team"].get(value, t("rules.gone")) if each.field == "team"
            else _word(each.field, value, t) if each.field in CHOICES
            else value
            for value in each.values
        ]  # fmt: skip
        joint = t("rules.is_not" if each.negated else "rules.is")
        listed = f" {t('rules.or')} ".join(words)
        said.append(f"{t(f'rules.field.{each.field}')} {joint} {listed}")
    return f" {t('rules.or' if rule.match == 'any' else 'rules.and')} ".join(said)


def say_effect(effect: Effect, names: Names, t: Translate) -> str:
    """What the rule does, in one line."""
    said = []
    if effect.team_id:
        said.append(t("rules.do_team", name=names["team"].get(effect.team_id, t("rules.gone"))))
    if effect.assignee_id:
        said.append(t("rules.do_assignee", name=names["people"].get(effect.assignee_id, t("rules.gone"))))
    if effect.priority:
        said.append(t("rules.do_priority", name=t(f"priority.{effect.priority}")))
    if effect.tags:
        said.append(t("rules.do_tags", names=", ".join(effect.tags)))
    if effect.policy:
        said.append(t("rules.do_policy", name=names["policy"].get(effect.policy, t("rules.gone"))))
    if effect.reply_minutes:
        said.append(t("rules.do_minutes", n=effect.reply_minutes))
    if effect.tell:
        said.append(t("rules.do_tell"))
    if effect.stop:
        said.append(t("rules.do_stop"))
    return "; ".join(said)


def seal(rule: Rule) -> str:
    """Tells whether a rule's conditions are those that were tried."""
    return hashlib.sha256(repr((rule.match, rule.conditions)).encode()).hexdigest()[:16]
