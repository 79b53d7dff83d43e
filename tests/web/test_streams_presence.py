"""An open event stream is a visitor who looks on: whoever mails answers asks for that."""

import asyncio

from tests.conftest import FakeClock

from minidesk.db import Database
from minidesk.live import Hub, Presence
from minidesk.web.visitor_api import Streams


async def test_a_stream_counts_while_it_is_open(db: Database, clock: FakeClock) -> None:
    presence = Presence(clock)
    streams = Streams(db, Hub(), asyncio.Event(), 5, 20, presence)
    async with streams.open("vis_1", "cnv_1"):
        clock.advance(minutes=5)
        assert presence.seen_until("cnv_1") == clock()
        assert presence.seen_until("cnv_2") is None
    left = clock()
    clock.advance(minutes=5)
    assert presence.seen_until("cnv_1") == left
