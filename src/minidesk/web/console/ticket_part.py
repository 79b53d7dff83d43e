"""A ticket as a context: what a handoff found out, where it went and why, and when an answer is due."""

import re
from collections.abc import Callable
from datetime import datetime

from minidesk.assist import VisitorLanguage
from minidesk.tickets import PRIORITIES, TicketView
from minidesk.web.console.contexts import Fact, Option, Segment, TicketPart
from minidesk.web.console.marks import evident
from minidesk.web.console.summaries import summary_words
from minidesk.web.console.times import clock, span
from minidesk.web.console.view import Translate, spoken

_BY_RULE = re.compile(r"by the rule “(.+)”\.$")


def reason_words(reason: str, t: Translate) -> str:
    """Why a person is needed, in words; an unknown reason as it is written."""
    try:
        return t(f"reason.{reason}")
    except KeyError:
        return reason.replace("_", " ")


def ticket_part(
    ticket: TicketView, teams: list[tuple[str, str]], told: VisitorLanguage, now: datetime, t: Translate
) -> TicketPart:
    """The ticket with the words that each part came from."""
    about = [(e.message_id, e.text, e.shown) for e in ticket.evidence if e.part != "team"]
    why, mood, sent = (
        [(e.message_id, e.text, "") for e in ticket.evidence if e.part == part]
        for part in ("priority", "sentiment", "team")
    )
    facts: dict[str, list[Segment]] = {}
    for entity in ticket.entities:
        line = facts.setdefault(entity.kind, [])
        if line:
            line.append(Segment(", "))
        line.append(Segment(entity.text, entity.message_id, entity.text))
    routing = [
        Fact(t("ticket.team"), _backed(ticket.team_name or t("ticket.no_team"), sent), hint=_why_team(ticket, t)),
        Fact(t("ticket.assignee"), (Segment(ticket.assignee_name or t("ticket.nobody")),), hint=_why_assignee(ticket, t)),
        Fact(t("ticket.priority"), _backed(t(f"priority.{ticket.priority}"), why), tone="alarm" if ticket.priority == "urgent" else "plain", hint=_signs(why, t)),
        *_why_priority(ticket, why, evident, t),
        Fact(t("ticket.reason"), (Segment(reason_words(ticket.reason, t)),)),
        *_clocks(ticket, now, t),
    ]  # fmt: skip
    mother = Segment(t(f"tongue.{told.code}") if told.code else "", told.message_id, told.words)
    tongue = [
        Fact(t("ticket.language"), (mother,), hint="" if told.message_id else t("ticket.language_browser"))
    ]
    mood_line = Fact(t("ticket.mood"), _backed(t(f"mood.{ticket.sentiment}"), mood), hint=_signs(mood, t))
    return TicketPart(
        number=ticket.number,
        status=ticket.status,
        summary=evident(summary_words(ticket.summary, t), about),
        facts=(
            *(Fact(t(f"entity.{kind}"), tuple(line)) for kind, line in facts.items()),
            *(tongue if told.code else []),
            mood_line,
        ),
        routing=tuple(routing),
        teams=tuple(Option(id, name, id == ticket.team_id) for id, name in teams),
        likely_tags=ticket.learned.tags,
        priorities=tuple(Option(p, t(f"priority.{p}"), p == ticket.priority) for p in PRIORITIES),
    )


def _why_priority(
    ticket: TicketView,
    words: list[tuple[str, str, str]],
    evident: Callable[[str, list[tuple[str, str, str]]], tuple[Segment, ...]],
    t: Translate,
) -> list[Fact]:
    """What made it more or less than normal; nothing where nothing did. The sentence is kept in English: other languages quote."""
    if words and spoken() == "en":
        return [Fact(t("ticket.why"), evident(ticket.priority_why, words))]
    if words:
        parts = [part for word in words for part in (Segment(", "), *_backed(f"“{word[1]}”", [word]))]
        return [Fact(t("ticket.why"), tuple(parts[1:]))]
    if rule := _BY_RULE.search(ticket.priority_why):
        return [Fact(t("ticket.why"), (Segment(t("ticket.by_rule", names=rule[1])),))]
    if ticket.priority_why.endswith("set by an agent."):
        return [Fact(t("ticket.why"), (Segment(t("ticket.priority_by_agent")),))]
    return []


def _why_team(ticket: TicketView, t: Translate) -> str:
    """What sent it there: an agent, rules by their names, an earlier ticket or the team's description; how sure that is."""
    if ticket.team_corrected:
        return t("ticket.by_agent")
    if ticket.routed_by:
        return t("ticket.by_rule", names=", ".join(ticket.routed_by))
    if ticket.team_score is None:
        return t("ticket.like_none") if ticket.team_id else ""
    sure = f"{100 * ticket.team_score:.0f}"
    if ticket.learned.number is None:
        return t("ticket.likeness", sure=sure)
    key = "ticket.like_corrected" if ticket.learned.corrected else "ticket.like_solved"
    return t(key, number=ticket.learned.number, sure=sure)


def _why_assignee(ticket: TicketView, t: Translate) -> str:
    """That the desk gave it to them, and why; nothing where a person or a rule did."""
    given = ticket.given
    if given is None or ticket.assignee_id is None:
        return ""
    why = [
        t("ticket.given_open", n=given.open)
        if given.most is None
        else t("ticket.given_of", n=given.open, most=given.most)
    ]
    if given.before:
        why.append(t("ticket.given_before"))
    if given.language:
        why.append(t("ticket.given_language", language=given.language))
    if given.skills:
        why.append(t("ticket.given_skills", words=", ".join(given.skills)))
    return t("ticket.given", why=", ".join(why))


def _signs(evidence: list[tuple[str, str, str]], t: Translate) -> str:
    """How sure a mood or a priority is: by how many of the visitor's words."""
    return t("ticket.signs", n=len(evidence)) if evidence else ""


def _backed(text: str, evidence: list[tuple[str, str, str]]) -> tuple[Segment, ...]:
    """A word with the first place that it came from."""
    return (Segment(text, *evidence[0][:2]),) if evidence else (Segment(text),)


def _clocks(ticket: TicketView, now: datetime, t: Translate) -> list[Fact]:
    """When an answer is due or was given, by when the matter should be solved, and what says so."""
    active = ticket.status in ("open", "pending")
    answer_due = ticket.next_due_at if ticket.responded_at else ticket.response_due_at
    if ticket.responded_at is not None and (answer_due is None or not active):
        facts = [Fact(t("ticket.replied"), (Segment(clock(ticket.responded_at, now).text),))]
    elif answer_due is None or not active:
        facts = [Fact(t("ticket.due"), (Segment("–"),))]
    else:
        facts = [_clock(t("ticket.due"), answer_due, now, t)]
    if ticket.resolution_due_at is not None and active:
        facts.append(_clock(t("ticket.solve_by"), ticket.resolution_due_at, now, t))
    if ticket.policy:
        facts.append(Fact(t("ticket.policy"), (Segment(ticket.policy),)))
    return facts


def _clock(name: str, at: datetime, now: datetime, t: Translate) -> Fact:
    left = (at - now).total_seconds()
    text = t("ticket.due_in" if left > 0 else "ticket.due_over", text=span(left))
    return Fact(name, (Segment(text),), tone="wait" if left > 0 else "alarm", due=at.isoformat())
