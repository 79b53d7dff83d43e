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
        Fact(t("ticket.assignee"), (Segment(ticket.assignee_name or t("ticket.nobody")),)),
        Fact(t("ticket.priority"), _backed(t(f"priority.{ticket.priority}"), why), tone="alarm" if ticket.priority == "urgent" else "plain", hint=_signs(why, t)),
        Fact(t("ticket.why"), evident(ticket.priority_why, why)),
        Fact(t("ticket.reason"), (Segment(reason_words(ticket.reason, t)),)),
        *_clocks(ticket, now, t),
    ]  # fmt: skip
    mood_line = Fact(t("ticket.mood"), _backed(t(f"mood.{ticket.sentiment}"), mood), hint=_signs(mood, t))
    return TicketPart(
        number=ticket.number,
        status=ticket.status,
        summary=evident(ticket.summary, about),
        facts=(*(Fact(t(f"entity.{kind}"), tuple(line)) for kind, line in facts.items()), mood_line),
        routing=tuple(routing),
        teams=tuple(Option(id, name, id == ticket.team_id) for id, name in teams),
        likely_tags=ticket.learned.tags,
        priorities=tuple(Option(p, t(f"priority.{p}"), p == ticket.priority) for p in PRIORITIES),
    )


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
