"""Routing rules: which tickets one is for, and what it decides. Pure functions over what a handoff found out.

A rule holds where all, or any, of its conditions do; a condition holds where one of its values fits. So "(language is
German or French) and (reason is a policy)" is one rule. Rules are looked at in order. What an earlier one decided a
later one leaves; tags come together. What no rule decided is decided by likeness, as ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from minidesk.errors import Invalid
from minidesk.text.normalise import check_text
from minidesk.text.words import content_stems
from minidesk.tickets.records import PRIORITIES, EntityKind, Priority, Reason, Sentiment
from minidesk.tickets.tags import TAGS_OF_TICKET, check_tag

Field = Literal[
    "language", "reason", "topic", "mood", "priority", "team", "entity", "page", "attribute", "hours"
]
FIELDS: tuple[Field, ...] = get_args(Field)
# What a field may be compared with; the others take words.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "reason": get_args(Reason),
    "mood": get_args(Sentiment),
    "priority": PRIORITIES,
    "entity": get_args(EntityKind),
    "hours": ("open", "closed"),
}
NAME_CHARS, VALUE_CHARS, VALUES, KEY_CHARS = 80, 200, 30, 64
RULES_MAX = 100  # each handoff looks at all of them while its visitor waits
REPLY_MINUTES = (1, 7 * 24 * 60)  # as a site's own


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` is one of `values`; with `negated`, none of them."""

    field: Field
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What a rule decides; None and empty leave it to the next one. `tell`: the site's webhooks; `stop`: no rule after it."""

    team_id: str | None = None
    priority: Priority | None = None
    tags: tuple[str, ...] = ()
    assignee_id: str | None = None
    reply_minutes: int | None = None  # the first answer is due so soon, whatever the policy says
    tell: bool = False
    stop: bool = False
    policy: str | None = None  # the key of a service-level policy


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it is stored."""

    key: str
    name: str
    match: Literal["all", "any"] = "all"
    conditions: tuple[Condition, ...] = ()
    effect: Effect = field(default_factory=Effect)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules compare. `open`: within the site's hours, None where it has none; `team_id`: by likeness."""

    language: str
    reason: str
    stems: frozenset[str]  # of what the visitor wrote
    mood: str
    priority: str
    team_id: str | None
    entities: frozenset[str]
    page: str
    attributes: Mapping[str, str]
    open: bool | None


@dataclass(frozen=True, slots=True)
class Routed:
    """What all rules together decided. `by`: the names of those that held; `told`: of those that tell webhooks."""

    by: tuple[str, ...] = ()
    team_id: str | None = None
    priority: Priority | None = None
    priority_by: str = ""
    tags: tuple[str, ...] = ()
    assignee_id: str | None = None
    reply_minutes: int | None = None
    policy: str | None = None
    told: tuple[str, ...] = ()


NOT_ROUTED = Routed()


def matches(rule: Rule, facts: Facts) -> bool:
    """Whether the rule is for this ticket; one without conditions is for every ticket."""
    if not rule.conditions:
        return True
    return (all if rule.match == "all" else any)(_holds(each, facts) for each in rule.conditions)


def route(rules: Sequence[Rule], facts: Facts) -> Routed:
    """What the rules decide, in their order."""
    held: list[Rule] = []
    for rule in rules:
        if rule.enabled and matches(rule, facts):
            held.append(rule)
            if rule.effect.stop:
                break
    effects = [rule.effect for rule in held]
    first = next((rule for rule in held if rule.effect.priority), None)
    return Routed(
        by=tuple(rule.name for rule in held),
        team_id=next((e.team_id for e in effects if e.team_id), None),
        priority=first.effect.priority if first else None,
        priority_by=first.name if first else "",
        tags=tuple(dict.fromkeys(tag for e in effects for tag in e.tags))[:TAGS_OF_TICKET],
        assignee_id=next((e.assignee_id for e in effects if e.assignee_id), None),
        reply_minutes=next((e.reply_minutes for e in effects if e.reply_minutes), None),
        policy=next((e.policy for e in effects if e.policy), None),
        told=tuple(rule.name for rule in held if rule.effect.tell),
    )


def _holds(condition: Condition, facts: Facts) -> bool:
    return any(_fits(condition.field, value, facts) for value in condition.values) != condition.negated


def _fits(field: Field, value: str, facts: Facts) -> bool:
    low = value.casefold()
    if field == "language":
        return facts.language.casefold().replace("_", "-").partition("-")[0] == low.partition("-")[0]
    if field == "topic":
        wanted = content_stems(value)
        return bool(wanted) and facts.stems.issuperset(wanted)
    if field == "page":
        return low in facts.page.casefold()
    if field == "attribute":
        name, given, wanted_value = value.partition("=")
        said = facts.attributes.get(name.strip())
        return said is not None and (not given or said.casefold() == wanted_value.strip().casefold())
    if field == "entity":
        return value in facts.entities
    if field == "hours":
        # A site without hours has people at any time.
        return (facts.open is not False) == (value == "open")
    known = {"reason": facts.reason, "mood": facts.mood, "priority": facts.priority, "team": facts.team_id}
    return known[field] == value


def check_rule(rule: Rule) -> Rule:
    """The rule as it is stored: texts cleaned, nothing twice. Raises Invalid; whether teams and people exist is not its to know."""
    name = " ".join(check_text(rule.name, NAME_CHARS * 4).split())
    if not 0 < len(name) <= NAME_CHARS:
        raise Invalid(f"Give the rule a name of 1 to {NAME_CHARS} characters.", code="rule_name_invalid")
    if not is_key(rule.key):
        raise Invalid(f"A rule's id has 1 to {KEY_CHARS} letters, digits, - and _.", code="rule_id_invalid")
    if rule.match not in ("all", "any"):
        raise Invalid("A rule matches by all or any of its conditions.", code="rule_match_invalid")
    fields = [condition.field for condition in rule.conditions]
    if len(set(fields)) != len(fields):
        raise Invalid("Name each field once, with all its values.", code="rule_field_twice")
    return Rule(
        rule.key,
        name,
        rule.match,
        tuple(_checked(condition) for condition in rule.conditions),
        _checked_effect(rule.effect),
        rule.enabled,
    )


def is_key(text: str) -> bool:
    """Whether a text can be a site's own name for a rule or a policy in addresses."""
    return 0 < len(text) <= KEY_CHARS and all(c.isascii() and (c.isalnum() or c in "-_") for c in text)


def _checked(condition: Condition) -> Condition:
    if condition.field not in FIELDS:
        raise Invalid(f"A rule can look at {', '.join(FIELDS)}.", code="rule_field_unknown")
    values = tuple(
        dict.fromkeys(
            text for raw in condition.values if (text := " ".join(check_text(raw, VALUE_CHARS * 4).split()))
        )
    )
    if not 0 < len(values) <= VALUES or any(len(value) > VALUE_CHARS for value in values):
        raise Invalid(
            f"Give {condition.field} 1 to {VALUES} values of up to {VALUE_CHARS} characters.",
            code="rule_values_invalid",
        )
    choices = CHOICES.get(condition.field)
    wrong = next((value for value in values if choices and value not in choices), None)
    if choices and wrong is not None:
        raise Invalid(
            f"{condition.field} cannot be {wrong[:40]}. Choose from {', '.join(choices)}.",
            code="rule_values_invalid",
        )
    if condition.field == "topic" and any(not content_stems(value) for value in values):
        raise Invalid("Write topics with words that carry meaning.", code="rule_values_invalid")
    return Condition(condition.field, values, condition.negated)


def _checked_effect(effect: Effect) -> Effect:
    if effect.priority is not None and effect.priority not in PRIORITIES:
        raise Invalid("A priority is low, normal, high or urgent.", code="invalid_priority")
    least, most = REPLY_MINUTES
    if effect.reply_minutes is not None and not least <= effect.reply_minutes <= most:
        raise Invalid(f"A reply is due in {least} to {most} minutes.", code="rule_minutes_invalid")
    tags = tuple({tag.casefold(): tag for tag in map(check_tag, effect.tags)}.values())
    if len(tags) > TAGS_OF_TICKET:
        raise Invalid(f"A ticket has up to {TAGS_OF_TICKET} tags.", code="too_many_tags")
    checked = Effect(
        effect.team_id,
        effect.priority,
        tags,
        effect.assignee_id,
        effect.reply_minutes,
        effect.tell,
        effect.stop,
        effect.policy,
    )
    if checked == Effect():
        raise Invalid("Say what the rule does: a team, a priority, a tag …", code="rule_does_nothing")
    return checked


def rule_from(
    key: str, name: str, match: str, conditions: Sequence[Any], effect: Mapping[str, Any], enabled: bool
) -> Rule:
    """A rule of its stored JSON."""
    return Rule(
        key,
        name,
        "any" if match == "any" else "all",
        tuple(Condition(c["field"], tuple(c["values"]), bool(c.get("negated"))) for c in conditions),
        Effect(**{**effect, "tags": tuple(effect.get("tags", ()))}),
        enabled,
    )
