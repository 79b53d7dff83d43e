"""All tables, one file a noun."""

from minidesk.db.models.agents import Agent, AgentSession, ApiKey, Team, TeamMember
from minidesk.db.models.answers import KeptAnswer
from minidesk.db.models.base import Base, new_id, utc_now
from minidesk.db.models.conversations import Citation, Conversation, Event, Message, Visitor
from minidesk.db.models.crawls import Crawl, CrawlPage
from minidesk.db.models.identity_keys import IdentityKey
from minidesk.db.models.jobs import Budget, Job, KeyValue, ModelCall
from minidesk.db.models.knowledge import Chunk, Document, DocumentVersion, KnowledgeRevision, Source, Vector
from minidesk.db.models.onboarding import FirstSteps, SynonymGroups, WidgetSighting
from minidesk.db.models.overlaps import Overlap, OverlapProgress
from minidesk.db.models.sites import Membership, Site
from minidesk.db.models.tickets import Ticket

__all__ = [
    "Agent",
    "AgentSession",
    "ApiKey",
    "Base",
    "Budget",
    "Chunk",
    "Citation",
    "Conversation",
    "Crawl",
    "CrawlPage",
    "Document",
    "DocumentVersion",
    "Event",
    "FirstSteps",
    "IdentityKey",
    "Job",
    "KeptAnswer",
    "KeyValue",
    "KnowledgeRevision",
    "Membership",
    "Message",
    "ModelCall",
    "Overlap",
    "OverlapProgress",
    "Site",
    "Source",
    "SynonymGroups",
    "Team",
    "TeamMember",
    "Ticket",
    "Vector",
    "Visitor",
    "WidgetSighting",
    "new_id",
    "utc_now",
]
