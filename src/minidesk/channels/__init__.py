"""Ways out of the desk: webhooks for the site's own systems, and mail for visitors who left."""

from minidesk.channels.account_mails import AccountMails
from minidesk.channels.answer_mails import KIND as ANSWER_MAIL
from minidesk.channels.answer_mails import AnswerMails, MailOutbox
from minidesk.channels.copies import KIND as COPY_MAIL
from minidesk.channels.copies import CopyMails, CopyOutbox, check_address
from minidesk.channels.deliver import Deliverer
from minidesk.channels.endpoints import Endpoints, NewEndpoint, seal_webhook_secrets
from minidesk.channels.outbox import KIND as WEBHOOK
from minidesk.channels.outbox import Outbox
from minidesk.channels.read_mail import MAX_BYTES, MailFile, ReceivedMail, read_mail
from minidesk.channels.readers import MailCounts, MailedTo, mail_counts, mailed_to, stop_mails
from minidesk.channels.records import EVENTS, QUEUE, DeliveryView, EndpointView, TryView
from minidesk.channels.reply_address import ReplyAddress
from minidesk.channels.signature import check_signed, key_of, new_secret, signed_headers
from minidesk.channels.smtp import MailServer
from minidesk.channels.transcript import file_name, transcript_text

__all__ = [
    "ANSWER_MAIL",
    "COPY_MAIL",
    "EVENTS",
    "MAX_BYTES",
    "QUEUE",
    "WEBHOOK",
    "AccountMails",
    "AnswerMails",
    "CopyMails",
    "CopyOutbox",
    "Deliverer",
    "DeliveryView",
    "EndpointView",
    "Endpoints",
    "MailCounts",
    "MailFile",
    "MailOutbox",
    "MailServer",
    "MailedTo",
    "NewEndpoint",
    "Outbox",
    "ReceivedMail",
    "ReplyAddress",
    "TryView",
    "check_address",
    "check_signed",
    "file_name",
    "key_of",
    "mail_counts",
    "mailed_to",
    "new_secret",
    "read_mail",
    "seal_webhook_secrets",
    "signed_headers",
    "stop_mails",
    "transcript_text",
]
