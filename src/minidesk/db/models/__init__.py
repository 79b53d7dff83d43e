"""All tables, one file a noun."""

from minidesk.db.models.agents import Agent, AgentSession, ApiKey, Team, TeamMember
from minidesk.db.models.answers import KeptAnswer
from minidesk.db.models.base import Base, new_id, utc_now
from minidesk.db.models.channels import MailStop, SentMail, WebhookDelivery, WebhookEndpoint, WebhookTry
from minidesk.db.models.conversations import Citation, Conversation, Event, Message, Visitor
from minidesk.db.models.crawls import Crawl, CrawlPage
from minidesk.db.models.experiments import AnswerVersion, Experiment
from minidesk.db.models.identity_keys import IdentityKey
from minidesk.db.models.jobs import Budget, Job, KeyValue, ModelCall
from minidesk.db.models.knowledge import Chunk, Document, DocumentVersion, KnowledgeRevision, Source, Vector
from minidesk.db.models.onboarding import FirstSteps, SynonymGroups, WidgetSighting
from minidesk.db.models.overlaps import Overlap, OverlapProgress
from minidesk.db.models.sites import Membership, Site
from minidesk.db.models.tickets import Ticket
from minidesk.db.models.tools import CannedReply, Tag, TicketTag

__all__ = [
    "Agent",
    "AgentSession",
    "AnswerVersion",
    "ApiKey",
    "Base",
    "Budget",
    "CannedReply",
    "Chunk",
    "Citation",
    "Conversation",
    "Crawl",
    "CrawlPage",
    "Document",
    "DocumentVersion",
    "Event",
    "Experiment",
    "FirstSteps",
    "IdentityKey",
    "Job",
    "KeptAnswer",
    "KeyValue",
    "KnowledgeRevision",
    "MailStop",
    "Membership",
    "Message",
    "ModelCall",
    "Overlap",
    "OverlapProgress",
    "SentMail",
    "Site",
    "Source",
    "SynonymGroups",
    "Tag",
    "Team",
    "TeamMember",
    "Ticket",
    "TicketTag",
    "Vector",
    "Visitor",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookTry",
    "WidgetSighting",
    "new_id",
    "utc_now",
]
