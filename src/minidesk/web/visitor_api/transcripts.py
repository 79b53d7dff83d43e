"""A conversation as a text file that the visitor keeps."""

from collections.abc import Sequence
from datetime import datetime

from minidesk.conversations import MessageView
from minidesk.sites import SiteView
from minidesk.text.locale import Texts
from minidesk.text.normalise import clean_label

MOST_MESSAGES = 2000  # a file of this length is an archive already


def file_name(site: SiteView, at: datetime) -> str:
    """`Shop 2026-03-02.txt`."""
    return f"{clean_label(site.name, 60, empty='chat')} {at:%Y-%m-%d}.txt"


def transcript_text(messages: Sequence[MessageView], texts: Texts, locale: str) -> str:
    """Who said what and when, with the pages that answers came from; times in UTC."""
    return "\n\n".join(_message(message, texts, locale) for message in messages) + "\n"


def _message(message: MessageView, texts: Texts, locale: str) -> str:
    names = {
        "visitor": texts.t("widget.you", locale),
        "assistant": texts.t("widget.assistant", locale),
        "agent": message.name or texts.t("widget.agent", locale),
    }
    who = names.get(message.author)
    lines = [f"{message.at:%Y-%m-%d %H:%M} UTC" + (f" · {who}" if who else ""), message.text]
    lines += [f"[{file.name}]" for file in message.attachments]
    lines += [f"[{c.n}] {c.title}" + (f" · {c.url}" if c.url else "") for c in message.citations]
    return "\n".join(line for line in lines if line)
