"""All tables, one file a noun."""

from minidesk.db.models.agents import Agent, AgentSession, ApiKey, Team, TeamMember
from minidesk.db.models.base import Base, new_id, utc_now
from minidesk.db.models.conversations import Citation, Conversation, Event, Message, Visitor
from minidesk.db.models.crawls import Crawl, CrawlPage
from minidesk.db.models.jobs import Job, KeyValue, ModelCall
from minidesk.db.models.knowledge import Chunk, Document, DocumentVersion, KnowledgeRevision, Source, Vector
from minidesk.db.models.sites import Membership, Site
from minidesk.db.models.tickets import Ticket

__all__ = [
    "Agent",
    "AgentSession",
    "ApiKey",
    "Base",
    "Chunk",
    "Citation",
    "Conversation",
    "Crawl",
    "CrawlPage",
    "Document",
    "DocumentVersion",
    "Event",
    "Job",
    "KeyValue",
    "KnowledgeRevision",
    "Membership",
    "Message",
    "ModelCall",
    "Site",
    "Source",
    "Team",
    "TeamMember",
    "Ticket",
    "Vector",
    "Visitor",
    "new_id",
    "utc_now",
]
