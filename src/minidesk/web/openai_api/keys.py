"""Who asks: the API key of a request."""

import asyncio
from collections import OrderedDict
from datetime import datetime

from starlette.requests import Request

from minidesk.accounts import ApiKeyIdentity
from minidesk.errors import NotAuthenticated
from minidesk.web.identity import bearer_token
from minidesk.web.openai_api.deps import OpenAIDeps

# A revoked key is out after this long at most (T9 allows 5 s); keys of all programs that asked lately.
KEY_REMEMBERED_S, KEYS_REMEMBERED = 1.0, 1000


class Keys:
    """Whose key it is. A key is looked up once a second: a tool that asks without a pause spends a quarter of our time on it."""

    def __init__(self, deps: OpenAIDeps) -> None:
        self._deps = deps
        self._known: OrderedDict[str, tuple[ApiKeyIdentity, datetime]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[ApiKeyIdentity]] = {}

    async def identify(self, request: Request) -> ApiKeyIdentity:
        """Raises `NotAuthenticated`, and `TooMany` above the key's rate."""
        try:
            presented = bearer_token(request)
        except NotAuthenticated:
            presented = None  # so that every 401 says the same
        key = await self._look_up(presented)
        limit = self._deps.settings.requests_per_minute_key
        self._deps.limiter.charge("openai", key.key_id, limit=limit, seconds=60)
        return key

    async def _look_up(self, presented: str | None) -> ApiKeyIdentity:
        now = self._deps.clock()
        known = self._known.get(presented or "")
        if known is not None and 0 <= (now - known[1]).total_seconds() < KEY_REMEMBERED_S:
            return known[0]
        # Requests that come together look it up once: each would else wait for the others' turns at the database.
        task = self._asking.get(presented or "")
        if task is None:
            task = asyncio.create_task(self._deps.api_keys.identify(self._deps.db, presented))
            self._asking[presented or ""] = task
            task.add_done_callback(lambda done: self._answered(presented or "", done))
        key = await asyncio.shield(task)  # one that leaves must not end it for the others
        if presented is not None:
            self._known[presented] = (key, now)
            if len(self._known) > KEYS_REMEMBERED:
                self._known.popitem(last=False)
        return key

    def _answered(self, presented: str, done: asyncio.Task[ApiKeyIdentity]) -> None:
        self._asking.pop(presented, None)
        if not done.cancelled():
            done.exception()  # looked at, so that asyncio does not log a wrong key where everybody has left
