"""Files that people send along: checked, stored, bound to a message, and given out to those who may see them.

A file comes first and its message later. Until then it belongs to its owner alone, and if the message never comes it
is removed after a day.
"""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Literal

from sqlalchemy import delete, select

from minidesk.accounts import access_site
from minidesk.conversations.records import AttachmentView
from minidesk.db import Database, Tx
from minidesk.db.models import Attachment, Conversation, Message, new_id
from minidesk.errors import Invalid, MinideskError, NotFound, TooLarge
from minidesk.files import FileStore
from minidesk.files.kinds import kind_of
from minidesk.files.pictures import clean_picture, for_model
from minidesk.text.normalise import clean_label

log = logging.getLogger(__name__)

Sender = Literal["visitor", "agent"]

# Files of one message; a whole folder is no question.
MOST = 5
# Pictures of one message that a model is shown: each costs as much as a page of text.
MOST_SHOWN = 3
# A picture of 25 million pixels takes 100 MB while it is decoded, and its upload 10 more.
AT_ONCE = 2
# Written but not sent: long enough for a message that waits for its network, over a night too.
UNSENT = timedelta(days=1)
SWEEP_SECONDS = 600.0
SWEPT_AT_ONCE = 100
_DECLARED_CHARS = 120


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it comes in: what its sender calls it, what they say that it is, and its bytes piece by piece."""

    name: str
    declared: str
    pieces: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """A file as it goes out. `type` is what we found it to be."""

    name: str
    type: str
    data: bytes

    @property
    def shown(self) -> bool:
        """Whether a browser may show it in its place: pictures that we wrote ourselves, and nothing else (T8)."""
        return self.type.startswith("image/")


class Attachments:
    """Takes and gives files. Its store is its own: what the knowledge base removes can be nobody's screenshot."""

    def __init__(
        self,
        db: Database,
        files: FileStore,
        clock: Callable[[], datetime],
        *,
        max_bytes: int,
        max_pixels: int,
    ) -> None:
        self._db = db
        self._files = files
        self._clock = clock
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self._working = asyncio.Semaphore(AT_ONCE)
        # Between storing bytes that were there already and naming them in a row, nobody may remove them.
        self._naming = asyncio.Lock()

    async def take(self, *, site_id: str, author: Sender, owner_id: str, sent: Sent) -> AttachmentView:
        """Check and store a file that belongs to no message yet.

        Raises TooLarge as soon as too much came, WrongType and Invalid for what is not taken or cannot be read.
        """
        async with self._working:
            data = await self._read(sent.pieces)
            row, data = await asyncio.to_thread(self._checked, sent, data)
            row.site_id, row.author, row.owner_id = site_id, author, owner_id
            async with self._naming:
                stored = await self._files.put(data, limit=len(data))
                row.sha256, row.size = stored.sha256, stored.size
                async with self._db.write() as tx:
                    tx.add(row)
                    return view_of(row)

    async def _read(self, pieces: AsyncIterator[bytes]) -> bytes:
        data = bytearray()
        async for piece in pieces:
            data += piece
            if len(data) > self._max_bytes:
                raise TooLarge(
                    f"This file is larger than {self._max_bytes / 1_000_000:g} MB. Make it smaller, and send it again."
                )
        return bytes(data)

    def _checked(self, sent: Sent, data: bytes) -> tuple[Attachment, bytes]:
        """The row and the bytes to store: a picture is written anew. CPU work."""
        name = clean_label(sent.name, empty="")
        kind = kind_of(name, sent.declared, data)
        width = height = None
        type = kind.type
        if kind.group == "picture":
            picture = clean_picture(data, kind.type, self._max_pixels)
            data, type, width, height = picture.data, picture.type, picture.width, picture.height
        row = Attachment(
            id=new_id("att"),
            conversation_id=None,
            message_id=None,
            position=0,
            name=_named(name, type, kind.endings),
            declared_type=sent.declared[:_DECLARED_CHARS],
            type=type,
            width=width,
            height=height,
            created_at=self._clock(),
        )
        return row, data

    async def as_visitor(self, visitor_id: str, attachment_id: str) -> StoredAttachment:
        """A file of the visitor's own conversations, or one of theirs that is not sent yet. Raises NotFound."""
        async with self._db.read() as tx:
            row = await tx.scalar(
                select(Attachment)
                .outerjoin(Conversation, Conversation.id == Attachment.conversation_id)
                .where(
                    Attachment.id == attachment_id,
                    (Conversation.visitor_id == visitor_id)
                    | (
                        Attachment.message_id.is_(None)
                        & (Attachment.author == "visitor")
                        & (Attachment.owner_id == visitor_id)
                    ),
                )
            )
        return await self._given(row)

    async def as_agent(self, agent_id: str, conversation_id: str, attachment_id: str) -> StoredAttachment:
        """A file of a conversation of a site where this agent works. Raises NotFound."""
        async with self._db.read() as tx:
            row = await tx.scalar(
                select(Attachment).where(
                    Attachment.id == attachment_id, Attachment.conversation_id == conversation_id
                )
            )
            if row is not None:
                await access_site(tx, agent_id, row.site_id)
        return await self._given(row)

    async def _given(self, row: Attachment | None) -> StoredAttachment:
        if row is None:
            raise NotFound
        return StoredAttachment(row.name, row.type, await self._files.read(row.sha256))

    async def for_model(self, message_id: str) -> tuple[str, ...]:
        """The message's first pictures as `data:` addresses, small enough for a model. What cannot be read is left out."""
        async with self._db.read() as tx:
            rows = await tx.execute(
                select(Attachment.sha256, Attachment.type)
                .where(Attachment.message_id == message_id, Attachment.width.is_not(None))
                .order_by(Attachment.position)
                .limit(MOST_SHOWN)
            )
            found = [(str(sha256), str(type)) for sha256, type in rows]
        shown = []
        for sha256, type in found:
            try:
                async with self._working:
                    data = await self._files.read(sha256)
                    small = await asyncio.to_thread(for_model, data, type, self._max_pixels)
            except MinideskError as error:  # the words can be answered without it
                log.warning("a picture cannot be shown to the model: %s", error.code)
                continue
            shown.append(f"data:image/jpeg;base64,{base64.b64encode(small).decode('ascii')}")
        return tuple(shown)

    async def clean_up(self) -> int:
        """Remove what a crash left half-written; only at start."""
        return await self._files.clean_up()

    async def run(self, stop: asyncio.Event) -> None:
        """Remove what was never sent, every ten minutes until `stop`."""
        while not stop.is_set():
            try:
                while await self.sweep() == SWEPT_AT_ONCE:
                    pass
            except (MinideskError, OSError) as error:  # the next round tries again
                log.warning("files that were never sent are still here: %s", type(error).__name__)
            try:
                async with asyncio.timeout(SWEEP_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue

    async def sweep(self) -> int:
        """Remove some files whose message never came; how many."""
        async with self._naming:
            async with self._db.write() as tx:
                rows = (
                    await tx.execute(
                        select(Attachment.id, Attachment.sha256)
                        .where(
                            Attachment.message_id.is_(None), Attachment.created_at < self._clock() - UNSENT
                        )
                        .order_by(Attachment.created_at)
                        .limit(SWEPT_AT_ONCE)
                    )
                ).all()
                await tx.execute(delete(Attachment).where(Attachment.id.in_([id for id, _ in rows])))
                held = {str(sha256) for _, sha256 in rows}
                used = set(await tx.scalars(select(Attachment.sha256).where(Attachment.sha256.in_(held))))
            for sha256 in held - used:
                await self._files.remove(sha256)
        return len(rows)


async def bind(
    tx: Tx, message: Message, ids: Sequence[str], *, author: Sender, owner_id: str
) -> tuple[AttachmentView, ...]:
    """Give files to the message that they were stored for, in this order. The caller holds the conversation's lock.

    Raises Invalid for too many, and for one that is gone, was sent already or is somebody else's.
    """
    if not ids:
        return ()
    if len(set(ids)) > MOST:
        raise Invalid(
            f"A message can have {MOST} files. Send the others with another one.", code="too_many_files"
        )
    rows = await tx.scalars(
        select(Attachment)
        .where(
            Attachment.id.in_(ids),
            Attachment.author == author,
            Attachment.owner_id == owner_id,
            Attachment.message_id.is_(None),
        )
        .with_for_update()
    )
    by_id = {row.id: row for row in rows}
    if set(by_id) != set(ids):
        raise Invalid("A file of this message is gone. Attach it again.", code="attachment_missing")
    ordered = [by_id[id] for id in dict.fromkeys(ids)]
    await tx.flush()  # the message's row first: the files name it
    for position, row in enumerate(ordered):
        row.conversation_id, row.message_id, row.position = message.conversation_id, message.id, position
    return tuple(view_of(row) for row in ordered)


async def attachments_of(tx: Tx, message_ids: Collection[str]) -> dict[str, tuple[AttachmentView, ...]]:
    """The files of these messages, each message's in their order."""
    found: dict[str, tuple[AttachmentView, ...]] = {}
    if not message_ids:
        return found
    rows = await tx.scalars(
        select(Attachment)
        .where(Attachment.message_id.in_(message_ids))
        .order_by(Attachment.message_id, Attachment.position)
    )
    for row in rows:
        assert row.message_id is not None  # the query asked for it
        found[row.message_id] = (*found.get(row.message_id, ()), view_of(row))
    return found


def view_of(row: Attachment) -> AttachmentView:
    """A row without what is ours alone."""
    return AttachmentView(row.id, row.name, row.type, row.size, row.width, row.height)


def _named(name: str, type: str, endings: Sequence[str]) -> str:
    """The name with an ending that fits what is stored: a GIF has become a PNG, a pasted picture had no name."""
    ending = "." + type.rpartition("/")[2] if type.startswith("image/") else endings[0]
    if not name:
        return ("picture" if type.startswith("image/") else "file") + ending
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ending or (suffix in endings and type != "image/png"):
        return name
    return clean_label((name[: -len(suffix)] if suffix else name) + ending)
