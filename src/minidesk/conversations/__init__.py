"""The thread between a visitor, the assistant and agents. Writing is announced; reading starts from what one may see."""

from minidesk.conversations.access import (
    access_conversation_as_agent,
    access_conversation_as_visitor,
    access_message_as_visitor,
)
from minidesk.conversations.actions import Conversations
from minidesk.conversations.attachments import Attachments, Sent, StoredAttachment
from minidesk.conversations.queries import latest_open, list_for_visitor, transcript
from minidesk.conversations.records import (
    AnswerEnd,
    AnswerHandle,
    AnswerPart,
    AttachmentView,
    BeforeFirst,
    CitationDraft,
    CitationView,
    ConversationLine,
    FeedbackReason,
    MessageView,
    Posted,
)
from minidesk.conversations.rows import agent_name, lock_conversation
from minidesk.conversations.wordings import Wording, keep_wording, wordings_of

__all__ = [
    "AnswerEnd",
    "AnswerHandle",
    "AnswerPart",
    "AttachmentView",
    "Attachments",
    "BeforeFirst",
    "CitationDraft",
    "CitationView",
    "ConversationLine",
    "Conversations",
    "FeedbackReason",
    "MessageView",
    "Posted",
    "Sent",
    "StoredAttachment",
    "Wording",
    "access_conversation_as_agent",
    "access_conversation_as_visitor",
    "access_message_as_visitor",
    "agent_name",
    "keep_wording",
    "latest_open",
    "list_for_visitor",
    "lock_conversation",
    "transcript",
    "wordings_of",
]
