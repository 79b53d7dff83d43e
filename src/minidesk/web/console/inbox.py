"""The inbox's list as a context."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from minidesk.accounts import list_people
from minidesk.db import Tx
from minidesk.text.normalise import replace_surrogates
from minidesk.tickets import (
    Due,
    InboxLine,
    SavedView,
    View,
    inbox,
    inbox_counts,
    list_saved,
    site_tags,
    tags_of,
    waiting_count,
)
from minidesk.web.console.contexts import ListPart, Option, Row, Shell, Tab, Tag
from minidesk.web.console.gate import Viewer
from minidesk.web.console.queries import first_words_of
from minidesk.web.console.summaries import subject_words, summary_words
from minidesk.web.console.times import span, when
from minidesk.web.console.view import Translate

# The names in addresses, and what the tickets' room calls them.
VIEWS: dict[str, View] = {
    "mine": "mine",
    "unassigned": "unassigned",
    "team": "team",
    "open": "all",
    "waiting": "waiting",
    "snoozed": "snoozed",
    "mentions": "mentions",
    "assistant": "assistant",
    "solved": "solved",
}
SHOWN = 60
LONG = timedelta(days=2)  # from then on a time is told as a date
SUBJECT_CHARS = 90


async def list_part(
    tx: Tx,
    viewer: Viewer,
    view: str,
    *,
    tag: str = "",
    selected: str | None,
    now: datetime,
    t: Translate,
    again: bool = False,
) -> ListPart:
    """A view with its rows and all counts, only of tickets with `tag` if there is one. An unknown view is the agent's own.

    `again`: for a page that has it, without what stands above the rows.
    """
    view, tag = view if view in VIEWS else "mine", replace_surrogates(tag)
    site_id, agent_id = viewer.site.site_id, viewer.agent.agent_id
    lines = await inbox(tx, site_id=site_id, agent_id=agent_id, view=VIEWS[view], tag=tag, limit=SHOWN + 1)
    counts = await inbox_counts(tx, site_id=site_id, agent_id=agent_id, now=now, tag=tag)
    numbers = (
        counts.mine, counts.unassigned, counts.team, counts.all, counts.waiting, counts.snoozed,
        counts.mentions, counts.assistant, counts.solved,
    )  # fmt: skip
    tabs = tuple(
        Tab(key, t(f"inbox.view.{key}"), n, f"/console/inbox?{query_of(key, tag)}", key == view)
        for key, n in zip(VIEWS, numbers, strict=True)
    )
    texts = {line.conversation_id: line.summary for line in lines}
    without = [line.conversation_id for line in lines if not line.ticket_id]
    texts |= await first_words_of(tx, without) if without else {}
    labels = await tags_of(tx, [line.ticket_id for line in lines if line.ticket_id])
    rows = tuple(
        _row(line, texts.get(line.conversation_id, ""), view, agent_id, selected, now, t,
             labels.get(line.ticket_id or "", ()), tag)
        for line in lines[:SHOWN]
    )  # fmt: skip
    tags = () if again else await site_tags(tx, site_id)
    known = tuple(Option(each, each, each.casefold() == tag.casefold()) for each in tags)
    # The badge counts whatever the tag.
    waiting = await waiting_count(tx, site_id, agent_id) if tag else counts.waiting_for_me
    saved = saved_options(await list_saved(tx, site_id, agent_id))
    choosing = view not in ("assistant", "solved")
    people = await list_people(tx, site_id) if choosing and not again else ()
    return ListPart(
        view, tabs, rows, len(lines) > SHOWN, waiting, tag, known, counts.mentions, choosing,
        tuple(Option(person.id, person.name) for person in people), near=counts.near, saved=saved,
    )  # fmt: skip


def saved_options(saved: Sequence[SavedView], selected: str = "") -> tuple[Option, ...]:
    """The agent's saved searches, to choose one."""
    return tuple(Option(each.id, each.name, each.id == selected) for each in saved)


def query_of(view: str, tag: str) -> str:
    """What stands behind the question mark of an inbox's address."""
    return urlencode({"view": view, **({"tag": tag} if tag else {})})


def shell(viewer: Viewer, section: str, waiting: int = 0) -> Shell:
    """What surrounds the page."""
    words = viewer.agent.name.split()
    return Shell(
        agent_name=viewer.agent.name,
        initials="".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?",
        csrf=viewer.agent.csrf_token,
        section=section,  # type: ignore[arg-type]  # callers write one of these words
        sites=tuple(Option(s.site_id, s.name, s.site_id == viewer.site.site_id) for s in viewer.sites),
        site_id=viewer.site.site_id,
        site_name=viewer.site.name,
        waiting=waiting,
        may_edit=viewer.may_edit,
        may_administer=viewer.site.may("admin"),
        starting=viewer.starting,
        away=viewer.agent.away,
    )


async def shell_of(tx: Tx, viewer: Viewer, section: str) -> Shell:
    """The same, counting what waits for the agent."""
    return shell(viewer, section, await waiting_count(tx, viewer.site.site_id, viewer.agent.agent_id))


def due_tag(due: Due | None, now: datetime, t: Translate) -> Tag | None:
    """The clock that runs out next: amber from when it is warned of, red with a word after."""
    if due is None:
        return None
    left = (due.at - now).total_seconds()
    if left <= 0:
        return Tag(t("row.overdue"), "alarm", due.at.isoformat())
    near = due.warn_at is None or due.warn_at <= now
    warn = due.warn_at.isoformat() if due.warn_at else None
    return Tag(t("row.due", text=span(left)), "wait" if near else "plain", due.at.isoformat(), warn)


def _row(
    line: InboxLine,
    summary: str,
    view: str,
    agent_id: str,
    selected: str | None,
    now: datetime,
    t: Translate,
    labels: tuple[str, ...],
    tag: str,
) -> Row:
    subject = line.subject or " ".join(summary.split())[:SUBJECT_CHARS] or t("row.no_subject")
    summary = _line(line, summary_words(summary, t), subject, t)
    subject = subject_words(subject, t)
    tags = _tags(line, view, agent_id, now, t)
    unread = (
        line.last_author == "visitor" and line.ticket_id is not None and line.assignee_id in (None, agent_id)
    ) or line.mentioned
    href = f"/console/conversations/{line.conversation_id}?{query_of(view, tag)}"
    shown_at = line.waits_since or line.last_message_at
    drawn = (
        subject,
        summary,
        [(tag.word if not tag.due else tag.due, tag.tone) for tag in tags],
        unread,
        href,
        shown_at,
        labels,
    )
    version = hashlib.sha256(repr(drawn).encode()).hexdigest()[:12]
    return Row(
        line.conversation_id, href, subject, summary, when(shown_at, now), tags, unread,
        line.conversation_id == selected, version, labels,
    )  # fmt: skip


def _line(line: InboxLine, summary: str, subject: str, t: Translate) -> str:
    """What was said last, by a person; before anybody has answered, the summary without what the subject says."""
    who = {
        "visitor": line.visitor_name or t("talk.visitor"),
        "assistant": t("talk.assistant"),
        "agent": line.last_agent or t("talk.agent"),
    }
    name = who.get(line.last_author or "")
    if name and not (line.last_author == "visitor" and line.last_text.startswith(subject)):
        return f"{name}: {line.last_text}"
    first, *rest = summary.splitlines() or [""]
    return " ".join(rest) if rest and subject.rstrip(".… ") in first else summary or line.last_text


def _tags(line: InboxLine, view: str, agent_id: str, now: datetime, t: Translate) -> tuple[Tag, ...]:
    tags: list[Tag] = []
    if line.mentioned:
        tags.append(Tag(t("row.mentioned"), "note"))
    if line.snoozed_until is not None:
        tags.append(Tag(t("row.snoozed", day=when(line.snoozed_until, line.snoozed_until + LONG).text)))
    elif line.back_at is not None:
        tags.append(Tag(t("row.back"), "wait"))
    active = line.status in ("open", "pending")
    if active and line.priority in ("urgent", "high"):
        tags.append(Tag(t(f"priority.{line.priority}"), "alarm" if line.priority == "urgent" else "wait"))
    due = due_tag(line.due, now, t)
    if line.status == "pending":
        tags.append(Tag(t("row.pending")))
    elif due and line.snoozed_until is None:
        tags.append(due)
    elif active and line.last_author == "visitor":
        tags.append(Tag(t("row.answered"), "accent"))
    if len(tags) < 2 and view != "mine" and line.assignee_name and line.assignee_id != agent_id:
        tags.append(Tag(t("row.with", name=line.assignee_name.split()[0])))
    elif len(tags) < 2 and line.team_name:
        tags.append(Tag(line.team_name))
    return tuple(tags[:2])
