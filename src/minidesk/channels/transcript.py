"""A conversation as plain text, which its visitor keeps."""

import re
from collections.abc import Sequence
from datetime import datetime

from minidesk.conversations import MessageView
from minidesk.text.locale import Texts
from minidesk.text.normalise import clean_label

MOST_MESSAGES = 2000  # a file of this length is an archive already
# Whatever holds what mail programs make a link of. It begins where a word does and nowhere else: tried from each dot
# again, 4,000 characters of "a.a.a" would hold the server up for 0.2 s, and a conversation may have 2,000 of them.
_ADDRESS = re.compile(r"(?<![^\s,;])[^\s,;]*(?:://|www\.|\w\.[^\W\d_]{2})[^\s,;]*", re.IGNORECASE)


def file_name(site_name: str, at: datetime) -> str:
    """`Shop 2026-03-02.txt`."""
    return f"{clean_label(site_name, 60, empty='chat')} {at:%Y-%m-%d}.txt"


def transcript_text(
    messages: Sequence[MessageView], texts: Texts, locale: str, *, to_stranger: bool = False
) -> str:
    """Who said what and when, with the pages that answers came from; times in UTC.

    `to_stranger`: nobody knows whether the reader is the visitor. What the visitor wrote then leads nowhere: web
    addresses and names of files are left out, or the desk could be made to send anybody's advertising to anybody.
    """
    return "\n\n".join(_message(message, texts, locale, to_stranger) for message in messages) + "\n"


def _message(message: MessageView, texts: Texts, locale: str, to_stranger: bool) -> str:
    names = {
        "visitor": texts.t("widget.you", locale),
        "assistant": texts.t("widget.assistant", locale),
        "agent": message.name or texts.t("widget.agent", locale),
    }
    who = names.get(message.author)
    veiled = to_stranger and message.author == "visitor"
    text = _ADDRESS.sub("[…]", message.text) if veiled else message.text
    lines = [f"{message.at:%Y-%m-%d %H:%M} UTC" + (f" · {who}" if who else ""), text]
    lines += ["[…]" if veiled else f"[{file.name}]" for file in message.attachments]
    lines += [f"[{c.n}] {c.title}" + (f" · {c.url}" if c.url else "") for c in message.citations]
    return "\n".join(line for line in lines if line)
