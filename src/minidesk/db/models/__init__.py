"""All tables, one file a noun."""

from minidesk.db.models.agents import Agent, AgentSession, ApiKey, Post, Team, TeamMember
from minidesk.db.models.answers import KeptAnswer
from minidesk.db.models.attachments import Attachment
from minidesk.db.models.base import Base, new_id, utc_now
from minidesk.db.models.channels import (
    InboundMail,
    MailStop,
    SentMail,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookTry,
)
from minidesk.db.models.conversations import Citation, Conversation, Event, Message, Visitor
from minidesk.db.models.crawls import Crawl, CrawlPage
from minidesk.db.models.desk import Block, Correction, Mention, RoutingRule, ServicePolicy
from minidesk.db.models.experiments import AnswerVersion, Experiment
from minidesk.db.models.identity_keys import IdentityKey
from minidesk.db.models.jobs import Budget, Job, KeyValue, ModelCall
from minidesk.db.models.knowledge import (
    Chunk,
    Document,
    DocumentVersion,
    KnowledgeRevision,
    Source,
    TokenVectors,
    Vector,
)
from minidesk.db.models.onboarding import FirstSteps, SynonymGroups, WidgetSighting
from minidesk.db.models.overlaps import Overlap, OverlapProgress
from minidesk.db.models.people import (
    AccessRule,
    AuditEntry,
    DoorStep,
    Invitation,
    PasswordReset,
    RecoveryCode,
    SecondFactor,
)
from minidesk.db.models.prompts import PromptVersion
from minidesk.db.models.sites import Membership, Site
from minidesk.db.models.tickets import Ticket, TicketPass, TicketText
from minidesk.db.models.tools import CannedReply, SavedSearch, Tag, TicketTag
from minidesk.db.models.wordings import MessageWording

__all__ = [
    "AccessRule",
    "Agent",
    "AgentSession",
    "AnswerVersion",
    "ApiKey",
    "Attachment",
    "AuditEntry",
    "Base",
    "Block",
    "Budget",
    "CannedReply",
    "Chunk",
    "Citation",
    "Conversation",
    "Correction",
    "Crawl",
    "CrawlPage",
    "Document",
    "DocumentVersion",
    "DoorStep",
    "Event",
    "Experiment",
    "FirstSteps",
    "IdentityKey",
    "InboundMail",
    "Invitation",
    "Job",
    "KeptAnswer",
    "KeyValue",
    "KnowledgeRevision",
    "MailStop",
    "Membership",
    "Mention",
    "Message",
    "MessageWording",
    "ModelCall",
    "Overlap",
    "OverlapProgress",
    "PasswordReset",
    "Post",
    "PromptVersion",
    "RecoveryCode",
    "RoutingRule",
    "SavedSearch",
    "SecondFactor",
    "SentMail",
    "ServicePolicy",
    "Site",
    "Source",
    "SynonymGroups",
    "Tag",
    "Team",
    "TeamMember",
    "Ticket",
    "TicketPass",
    "TicketTag",
    "TicketText",
    "TokenVectors",
    "Vector",
    "Visitor",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookTry",
    "WidgetSighting",
    "new_id",
    "utc_now",
]
