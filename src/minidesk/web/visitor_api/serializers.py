"""What a visitor is sent, field by field. Everything else a record holds stays here (T27)."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from minidesk.conversations import ConversationLine, MessageView
from minidesk.conversations.attachments import MOST
from minidesk.files.kinds import ACCEPT
from minidesk.sites import (
    Look,
    SiteConfig,
    SiteView,
    VisitorSession,
    hours_line,
    in_language,
    logo_url,
    on_accent,
    parse_nudge,
)
from minidesk.sites.config import INK
from minidesk.text.render import render_markdown
from minidesk.web.visitor_api.colours import SURFACES, accent_ink
from minidesk.web.visitor_api.deps import VisitorDeps
from minidesk.web.visitor_api.locales import all_words
from minidesk.web.visitor_api.queries import CitedPassage, ThreadView

# The fields of each stored event that a visitor may see; a type that is not here is not sent.
EVENT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "message": ("id", "seq", "author", "name", "text", "client_id", "at", "attachments"),
    "answer.start": ("message", "seq", "attempt", "reply_to"),
    "answer.part": ("message", "attempt", "offset", "text", "citations"),
    "answer.done": (
        "message",
        "attempt",
        "reply_to",
        "state",
        "outcome",
        "kind",
        "text",
        "citations",
        "offer_person",
        "choices",
    ),
    "holder": ("holder", "name"),
    "ticket": ("number", "status"),
}
_CITATION_FIELDS = ("n", "document", "title", "url", "quote", "sentences")


def event_data(type: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """The visitor's part of a stored event's data."""
    shown = {field: data[field] for field in EVENT_FIELDS[type] if field in data}
    if type == "answer.done":
        shown["citations"] = [
            {field: citation[field] for field in _CITATION_FIELDS if field in citation}
            for citation in data.get("citations", ())
        ]
    return shown


def message_json(message: MessageView, hosts: Collection[str]) -> dict[str, Any]:
    """A message with its text as safe HTML."""
    return {
        "id": message.id,
        "seq": message.seq,
        "author": message.author,
        "name": message.name,
        "text": message.text,
        "html": render_markdown(message.text, link_hosts=hosts),
        "at": message.at.isoformat(),
        "state": message.state,
        "attempt": message.attempt,
        "client_id": message.client_id,
        "reply_to": message.reply_to,
        "outcome": message.outcome,
        "kind": message.kind,
        "citations": [
            {
                "n": c.n,
                "document": c.document,
                "title": c.title,
                "url": c.url,
                "quote": c.quote,
                "sentences": [list(pair) for pair in c.sentences],
            }
            for c in message.citations
        ],
        "offer_person": message.offer_person,
        "choices": list(message.choices),
        "helpful": message.helpful,
        "attachments": [asdict(file) for file in message.attachments],
    }


def thread_json(view: ThreadView, hosts: Collection[str]) -> dict[str, Any]:
    """A conversation with its messages."""
    ticket = (
        None if view.ticket_number is None else {"number": view.ticket_number, "status": view.ticket_status}
    )
    return {
        "id": view.id,
        "holder": view.holder,
        "agent_name": view.agent_name,
        "ticket": ticket,
        "last_event": view.last_event,
        "messages": [message_json(message, hosts) for message in view.messages],
    }


def line_json(line: ConversationLine) -> dict[str, Any]:
    """A conversation in a list."""
    return {
        "id": line.id,
        "holder": line.holder,
        "last_text": line.last_text,
        "last_message_at": line.last_message_at.isoformat(),
    }


def session_json(session: VisitorSession, conversation_id: str | None) -> dict[str, Any]:
    """The session, with the conversation that the widget may go on with."""
    return {
        "token": session.token,
        "expires_at": session.expires_at.isoformat(),
        "visitor": {"id": session.visitor_id, "verified": session.verified},
        "conversation": conversation_id,
    }


def passage_json(passage: CitedPassage) -> dict[str, Any]:
    """A cited passage."""
    return {
        "title": passage.title,
        "url": passage.url,
        "heading_path": list(passage.heading_path),
        "before": passage.before,
        "quote": passage.quote,
        "after": passage.after,
        "page": passage.page,
    }


def files_json(deps: VisitorDeps) -> dict[str, Any] | None:
    """What may be attached; None: nothing."""
    largest = deps.settings.attachment_max_bytes
    return {"accept": ACCEPT, "max_bytes": largest, "most": MOST} if largest else None


def placed_json(site: SiteView) -> dict[str, Any]:
    """Of the look, what most sites leave as it is; what is missing is the widget's own."""
    look, usual = site.config.look, Look()
    own: dict[str, Any] = {
        name: getattr(look, name)
        for name in ("scheme", "side", "bottom")
        if getattr(look, name) != getattr(usual, name)
    }
    return own | ({"logo": logo_url(site)} if look.logo else {})


def _voice_json(deps: VisitorDeps, config: SiteConfig) -> dict[str, Any] | None:
    if deps.voice.configured:
        return {"max_seconds": deps.settings.voice_max_seconds}
    return {"browser": True} if config.browser_voice else None


def config_json(deps: VisitorDeps, site: SiteView, locale: str, *, words: bool) -> dict[str, Any]:
    """How the widget looks, and the texts that the site's owner chose; empty ones are the widget's own words.

    Those are in it only where `words` says so: the page of the chat has them in its own language already.
    """
    config = in_language(site.config, locale)
    own_words: dict[str, Any] = {"words": all_words(deps.texts, locale)} if words else {}
    if config.nudges:
        own_words["nudges"] = [parse_nudge(line).text for line in config.nudges]
    if deps.copies is not None:
        own_words["mail"] = True
    return own_words | {
        "site": {"name": site.name, "key": site.key},
        "look": {
            "accent": config.look.accent,
            "on_accent": on_accent(config.look.accent) or INK,
            "ink": {mode: accent_ink(config.look.accent, mode) for mode in SURFACES},
            "position": config.look.position,
            "launcher_text": config.look.launcher_text,
        }
        | placed_json(site),
        "texts": {
            "greeting": config.greeting,
            "placeholder": config.placeholder,
            "assistant_line": config.assistant_line,
            "privacy_url": config.privacy_url,
        },
        "hours_line": hours_line(config, deps.clock(), deps.texts, locale),
        "quick_replies": list(config.quick_replies),
        "locale": locale,
        "limits": {"message_max_chars": deps.settings.message_max_chars},
        "files": files_json(deps),
        "voice": _voice_json(deps, config),
    }
