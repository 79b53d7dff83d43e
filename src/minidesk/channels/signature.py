"""Signatures of Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

from minidesk.errors import NotAuthenticated
from minidesk.text.normalise import whole_number

PREFIX = "whsec_"
SECRET_BYTES = 32  # the specification asks for 24 to 64
TOLERANCE = 300  # seconds between the two clocks: what is older may be a copy that somebody kept


def new_secret() -> str:
    """A new endpoint's secret: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def signed_headers(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers. `timestamp` is in Unix seconds, of this very try: receivers refuse old ones.

    One signature a key, with spaces between: while a secret is changed, the receiver may know either of them.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    signatures = " ".join(f"v1,{_signature(key, signed)}" for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures,
    }


def key_of(secret: str) -> bytes:
    """The bytes of a secret. Raises ValueError for one that is none."""
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def check_signed(key: str, headers: Mapping[str, str], body: bytes, now: int) -> None:
    """That whoever knows the secret sent this body just now. Raises NotAuthenticated, with the same words for every reason."""
    refusal = NotAuthenticated(
        "This request is not signed as it must be. Check the secret, the clock, and that the body is sent as it was signed.",
        code="signature_invalid",
    )
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    sent = whole_number(stamp, 15)
    if not message_id or sent is None:
        raise refusal
    expected = f"v1,{_signature(key, f'{message_id}.{stamp}.'.encode('utf-8', 'replace') + body)}".encode()
    given = headers.get("webhook-signature", "").split(" ")[:10]
    fits = [hmac.compare_digest(expected, each.encode("utf-8", "replace")) for each in given]
    if not any(fits) or abs(now - sent) > TOLERANCE:
        raise refusal


def _signature(key: str, signed: bytes) -> str:
    return base64.b64encode(hmac.new(key_of(key), signed, hashlib.sha256).digest()).decode("ascii")
