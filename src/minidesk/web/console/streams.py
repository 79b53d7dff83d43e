"""Event streams of the console: they say "look again", and pages fetch what they show."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.requests import Request
from starlette.responses import StreamingResponse

from minidesk.accounts import SEEN_EVERY, access_site
from minidesk.errors import MinideskError
from minidesk.live import desk_topic
from minidesk.text.normalise import whole_number
from minidesk.tickets import Waiting, given_to
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import at_the_console, identify
from minidesk.web.console.queries import site_version

# Other processes write too, and their wake-ups do not reach this one: look at least this often. Each look also asks
# whether the session still stands, so that a suspended agent's stream ends within it (T9 asks for 5 s).
LOOK_SECONDS = 2.0
QUIET_LOOKS = 7  # a ping after this many without news: proxies cut what is silent for long
RETRY_MS = 2000
EVENTS_AT_ONCE = 200
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def stream(parts: AsyncIterator[bytes]) -> StreamingResponse:
    """The response."""
    return StreamingResponse(parts, media_type="text/event-stream", headers=HEADERS)


async def site_events(deps: ConsoleDeps, request: Request, site_id: str) -> AsyncIterator[bytes]:
    """`changed` with a version, whenever the site's inbox or documents did; and `given-to-me`, what the desk has given the agent."""
    async for part in _look(deps, request, site_id, None, 0):
        yield part


async def conversation_events(
    deps: ConsoleDeps, request: Request, site_id: str, conversation_id: str, after: int
) -> AsyncIterator[bytes]:
    """The conversation's stored events above `after`, each with its number as id, what `site_events` sends, and `presence`."""
    agent, topic = await identify(deps, request), desk_topic(conversation_id)
    try:
        with deps.here.viewing(conversation_id, agent.agent_id, agent.name):
            deps.hub.wake(topic)
            async for part in _look(deps, request, site_id, conversation_id, after):
                yield part
    finally:
        deps.hub.wake(topic)


async def _look(
    deps: ConsoleDeps, request: Request, site_id: str, conversation_id: str | None, after: int
) -> AsyncIterator[bytes]:
    topics = [f"site:{site_id}"]
    if conversation_id:
        topics += [f"conversation:{conversation_id}", desk_topic(conversation_id)]
    yield format_sse_event(retry=RETRY_MS)
    async with deps.hub.subscribe(*topics) as ear:
        version, quiet, here = "", 0, None
        said: datetime | None = None
        given: tuple[Waiting, ...] = ()
        while not deps.stopping.is_set():
            try:
                agent = await identify(deps, request)
                async with deps.db.read() as tx:
                    await access_site(tx, agent.agent_id, site_id)
                    now = await site_version(tx, site_id)
                    # Whoever gets or takes one stores an event: without news there is nothing to ask.
                    theirs = given if now == version else await given_to(tx, site_id, agent.agent_id)
                    events = (
                        await deps.events.after(
                            tx, conversation_id, after, audience="agents", limit=EVENTS_AT_ONCE
                        )
                        if conversation_id
                        else []
                    )
            except MinideskError:
                return  # signed out, suspended, or no member any more: the page finds out when it asks again
            if said is None or deps.clock() - said >= SEEN_EVERY:
                said = deps.clock()
                await at_the_console(deps, site_id, agent.agent_id)
            for event in events:
                after = event.n
                yield format_sse_event(event=event.type, data_str="{}", id=str(event.n))
            if version and now != version:
                yield format_sse_event(event="changed", data_str=f'{{"version":"{now}"}}')
            elif not events:
                quiet += 1
            version = now
            if theirs != given:
                given = theirs
                # Not `given`: that is a stored event of a conversation, which this stream sends as well.
                yield format_sse_event(event="given-to-me", data_str=_as_json(given))
            if conversation_id:
                moment = deps.clock()
                beside = (
                    deps.here.others(conversation_id, agent.agent_id, moment),
                    deps.here.visitor_writes(conversation_id, moment),
                )
                if here is not None and beside != here:
                    yield format_sse_event(event="presence", data_str="{}")
                here = beside
            if quiet >= QUIET_LOOKS:
                quiet = 0
                yield KEEPALIVE_COMMENT
            if len(events) < EVENTS_AT_ONCE:
                await ear.wait(LOOK_SECONDS)


def _as_json(given: Sequence[Waiting]) -> str:
    return json.dumps(
        [
            {"talk": each.conversation_id, "number": each.number, "at": each.given_at.isoformat()}
            for each in given
        ]
    )


def event_number(request: Request, after: str) -> int:
    """Where to go on: the header that browsers send when they reconnect, else the address; 0 for what is no number."""
    for raw in (request.headers.get("last-event-id", ""), after):
        if (number := whole_number(raw)) is not None:
            return number
    return 0
