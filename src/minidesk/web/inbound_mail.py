"""The door for mails that come in: the operator's mail server or mail service posts each one as it is, and signs it.

Signed as our own webhooks are (Standard Webhooks): a copy that somebody kept is refused after five minutes, and within them
the same mail is the same message.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request

from minidesk.channels import check_signed
from minidesk.errors import NotFound
from minidesk.inbound import Inbound
from minidesk.settings import Settings
from minidesk.web.guard import INBOUND_MAIL
from minidesk.web.limits import RateLimiter, client_address

# From one address, before a byte of the body is read: a mail server of a large shop sends fewer.
A_MINUTE = 300


@dataclass(frozen=True, slots=True)
class InboundDeps:
    """What the door is handed. `inbound` None: the operator takes no mails."""

    settings: Settings
    clock: Callable[[], datetime]
    limiter: RateLimiter
    inbound: Inbound | None


def inbound_router(deps: InboundDeps) -> APIRouter:
    """The one route."""
    router = APIRouter(include_in_schema=False)

    @router.post(INBOUND_MAIL)
    async def mail(request: Request) -> dict[str, str | None]:
        """Take one RFC 822 message, the whole body. 200 says what became of it; anything else: send it again later."""
        if deps.inbound is None:
            raise NotFound
        address = client_address(request, deps.settings.trusted_proxies)
        deps.limiter.charge("inbound-mail", address, limit=A_MINUTE, seconds=60)
        body = await request.body()
        secret = deps.settings.mail_inbound_secret.get_secret_value()
        check_signed(secret, request.headers, body, int(deps.clock().timestamp()))
        taken = await deps.inbound.take(body)
        return {"outcome": taken.outcome, "reason": taken.reason or None, "message": taken.message_id}

    return router
