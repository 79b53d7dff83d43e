"""Tickets: what a handoff opens, what it reads out of the conversation, and what agents do with it."""

from minidesk.tickets.actions import ACTIVE, MOVES, SAME_MATTER, Tickets, active_ticket, solved_ticket
from minidesk.tickets.assignment import Embed, TeamProfile, choose_team, team_profiles
from minidesk.tickets.clocks import response_due
from minidesk.tickets.entities import find_entities
from minidesk.tickets.queries import (
    View,
    access_ticket_as_agent,
    inbox,
    inbox_counts,
    ticket_detail,
    ticket_of,
)
from minidesk.tickets.records import (
    PRIORITIES,
    STATUSES,
    Entity,
    Evidence,
    InboxCounts,
    InboxLine,
    Priority,
    Reason,
    Sentiment,
    Status,
    TeamChoice,
    TicketView,
    Triage,
)
from minidesk.tickets.tending import LateLine, Tending
from minidesk.tickets.triage import read_by_model, triage

__all__ = [
    "ACTIVE",
    "MOVES",
    "PRIORITIES",
    "SAME_MATTER",
    "STATUSES",
    "Embed",
    "Entity",
    "Evidence",
    "InboxCounts",
    "InboxLine",
    "LateLine",
    "Priority",
    "Reason",
    "Sentiment",
    "Status",
    "TeamChoice",
    "TeamProfile",
    "Tending",
    "TicketView",
    "Tickets",
    "Triage",
    "View",
    "access_ticket_as_agent",
    "active_ticket",
    "choose_team",
    "find_entities",
    "inbox",
    "inbox_counts",
    "read_by_model",
    "response_due",
    "solved_ticket",
    "team_profiles",
    "ticket_detail",
    "ticket_of",
    "triage",
]
