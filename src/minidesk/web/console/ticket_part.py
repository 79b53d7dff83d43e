"""A ticket as a context: what a handoff found out, where it went and why, and when an answer is due."""

from datetime import datetime

from minidesk.tickets import PRIORITIES, TicketView
from minidesk.web.console.contexts import Fact, Option, Segment, TicketPart
from minidesk.web.console.marks import evident
from minidesk.web.console.times import clock, span
from minidesk.web.console.view import Translate


def reason_words(reason: str, t: Translate) -> str:
    """Why a person is needed, in words; an unknown reason as it is written."""
    try:
        return t(f"reason.{reason}")
    except KeyError:
        return reason.replace("_", " ")


def ticket_part(ticket: TicketView, teams: list[tuple[str, str]], now: datetime, t: Translate) -> TicketPart:
    """The ticket with the words that each part came from."""
    about = [(e.message_id, e.text) for e in ticket.evidence]
    why = [(e.message_id, e.text) for e in ticket.evidence if e.part == "priority"]
    mood = [(e.message_id, e.text) for e in ticket.evidence if e.part == "sentiment"]
    facts: dict[str, list[Segment]] = {}
    for entity in ticket.entities:
        line = facts.setdefault(entity.kind, [])
        if line:
            line.append(Segment(", "))
        line.append(Segment(entity.text, entity.message_id, entity.text))
    routing = [
        Fact(t("ticket.team"), (Segment(ticket.team_name or t("ticket.no_team")),),
             hint=_why_team(ticket, t)),
        Fact(t("ticket.assignee"), (Segment(ticket.assignee_name or t("ticket.nobody")),)),
        Fact(t("ticket.priority"), _backed(t(f"priority.{ticket.priority}"), why), tone="alarm" if ticket.priority == "urgent" else "plain"),
        Fact(t("ticket.why"), evident(ticket.priority_why, why)),
        Fact(t("ticket.reason"), (Segment(reason_words(ticket.reason, t)),)),
        _due(ticket, now, t),
    ]  # fmt: skip
    mood_line = Fact(t("ticket.mood"), _backed(t(f"mood.{ticket.sentiment}"), mood))
    return TicketPart(
        number=ticket.number,
        status=ticket.status,
        summary=evident(ticket.summary, about),
        facts=(*(Fact(t(f"entity.{kind}"), tuple(line)) for kind, line in facts.items()), mood_line),
        routing=tuple(routing),
        teams=tuple(Option(id, name, id == ticket.team_id) for id, name in teams),
        priorities=tuple(Option(p, t(f"priority.{p}"), p == ticket.priority) for p in PRIORITIES),
    )


def _why_team(ticket: TicketView, t: Translate) -> str:
    """What sent it there: rules by their names, or likeness by its score."""
    if ticket.routed_by:
        return t("ticket.by_rule", names=", ".join(ticket.routed_by))
    return t("ticket.likeness", score=f"{ticket.team_score:.2f}") if ticket.team_score is not None else ""


def _backed(text: str, evidence: list[tuple[str, str]]) -> tuple[Segment, ...]:
    """A word with the first place that it came from."""
    return (Segment(text, *evidence[0]),) if evidence else (Segment(text),)


def _due(ticket: TicketView, now: datetime, t: Translate) -> Fact:
    if ticket.responded_at is not None:
        at = clock(ticket.responded_at, now)
        return Fact(t("ticket.replied"), (Segment(at.text),))
    if ticket.response_due_at is None or ticket.status not in ("open", "pending"):
        return Fact(t("ticket.due"), (Segment("–"),))
    left = (ticket.response_due_at - now).total_seconds()
    text = t("ticket.due_in" if left > 0 else "ticket.due_over", text=span(left))
    return Fact(
        t("ticket.due"),
        (Segment(text),),
        tone="wait" if left > 0 else "alarm",
        due=ticket.response_due_at.isoformat(),
    )
