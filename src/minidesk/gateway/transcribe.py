"""Voice notes written down: one recording to `/audio/transcriptions` of a model of the tier `voice`.

The targets are asked in their order, each once: whoever spoke is waiting, and can speak again. Every call that a
provider bills has its line in the ledger, and its money is set aside before it.
"""

import asyncio
import json
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minidesk.errors import (
    MinideskError,
    ModelBadResponse,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelTruncated,
)
from minidesk.gateway.call import BILLED_WITHOUT_A_WORD, Hold, Purse
from minidesk.gateway.catalog import Route
from minidesk.gateway.client import check_answer, headers_for, read_body
from minidesk.gateway.failures import BUDGET_SPENT
from minidesk.gateway.health import Health
from minidesk.gateway.messages import CallRecord, ChatRequest, LedgerSink
from minidesk.gateway.target import Target
from minidesk.gateway.wire import ConnectionBroken, HttpWire, Wire

log = logging.getLogger(__name__)

# Two minutes of speech take a hosted model some seconds; nobody waits longer than this for one target.
TARGET_S = 30.0
ANSWER_BYTES = 256 * 1024
# Bytes of a second of sound. The fewest that speech is coded with (Opus at 6 kbit/s, 8-bit samples at 8 kHz) bound
# what a recording can cost; what our own chat records (24 kbit/s) is the guess where no provider says how long it was.
_FEWEST = {"audio/wav": 8000}
_USUAL = {"audio/wav": 32_000}
FEWEST_BYTES, USUAL_BYTES = 750, 3000
_ENDINGS = {"audio/webm": "webm", "audio/ogg": "ogg", "audio/mp4": "mp4", "audio/wav": "wav"}


@dataclass(frozen=True, slots=True)
class Recording:
    """A voice note, and for whom it is written down. `type` is what its bytes are (files/kinds.py)."""

    data: bytes
    type: str
    site_id: str
    conversation_id: str | None = None

    @property
    def longest_s(self) -> float:
        """It cannot be longer than so many seconds."""
        return len(self.data) / _FEWEST.get(self.type, FEWEST_BYTES)

    @property
    def guessed_s(self) -> float:
        """It probably is so many seconds long."""
        return len(self.data) / _USUAL.get(self.type, USUAL_BYTES)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a provider made of it; `seconds` where it says how long it was."""

    text: str
    seconds: float | None


class Transcriber:
    """Writes down voice notes. Without a route nothing is configured, and the chat shows no microphone."""

    def __init__(
        self,
        route: Route | None,
        ledger: LedgerSink,
        purse: Purse,
        *,
        wire: Wire | None = None,
        now: Callable[[], float] = time.monotonic,
        target_s: float = TARGET_S,
    ) -> None:
        self._health = {target: Health(now) for target in (route.targets if route else ())}
        self._ledger = ledger
        self._purse = purse
        self._wire = wire or HttpWire()
        self._target_s = target_s
        self._settling: set[asyncio.Task[None]] = set()

    @property
    def configured(self) -> bool:
        """Whether there is a model to ask."""
        return bool(self._health)

    async def close(self) -> None:
        """Write what was not yet written, and give the connections back."""
        await asyncio.gather(*self._settling, return_exceptions=True)
        await self._wire.close()

    async def write_down(self, recording: Recording) -> str:
        """The words. Raises the last target's ModelError, and ModelRefused with the code `budget_spent` at the ceiling."""
        last: ModelError = ModelError()
        for attempt, (target, health) in enumerate(self._health.items(), 1):
            if not health.ready:
                continue
            whom = ChatRequest(
                messages=(),
                purpose="transcription",
                max_tokens=0,
                site_id=recording.site_id,
                conversation_id=recording.conversation_id,
            )
            hold = await self._purse.reserve(whom, target.sound_cost(recording.longest_s))
            if hold is None:
                raise ModelRefused("The model budget is spent.", code=BUDGET_SPENT)
            if health.resting or not health.breaker.admit():
                hold.release()
                continue
            try:
                return await self._call(target, health, recording, hold, attempt)
            except ModelError as error:
                last = error
                log.warning("a voice note was not written down", extra={"code": error.code})
        raise last

    async def _call(
        self, target: Target, health: Health, recording: Recording, hold: Hold, attempt: int
    ) -> str:
        """One target's answer, its line in the ledger whatever came of it."""
        loop = asyncio.get_running_loop()
        started, outcome, heard = loop.time(), "aborted", None
        try:
            heard = await self._ask(target, recording)
            outcome = "ok"
            health.answered(None)
            return heard.text
        except ModelError as error:
            outcome = error.code
            health.failed(error)
            raise
        finally:
            if outcome == "aborted":
                health.breaker.abandon()
            ms = round((loop.time() - started) * 1000)
            record = _record(target, recording, heard, outcome, ms, attempt)
            # In a task of its own: a visitor who leaves must not make a call that was paid for vanish from the ledger.
            task = asyncio.create_task(self._settle(record, hold))
            self._settling.add(task)
            task.add_done_callback(self._settling.discard)
            await asyncio.shield(task)

    async def _ask(self, target: Target, recording: Recording) -> _Heard:
        url = f"{target.base_url.rstrip('/')}/audio/transcriptions"
        boundary = secrets.token_hex(16)
        headers = headers_for(target) | {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        try:
            async with (
                asyncio.timeout(self._target_s),
                self._wire.post(url, headers, _form(target, recording, boundary)) as opened,
            ):
                await check_answer(opened)
                return _read_answer(await read_body(opened, ANSWER_BYTES))
        except TimeoutError as error:
            raise ModelTimeout from error
        except ConnectionBroken as error:
            raise ModelTruncated from error

    async def _settle(self, record: CallRecord, hold: Hold) -> None:
        try:
            await self._ledger(record)
        except MinideskError as error:
            # The words are there. What they cost stays set aside, so that the ceiling counts it although the ledger does not.
            log.error("a voice note could not be booked", extra={"code": error.code})  # noqa: TRY400 (the code says all)
            return
        hold.release()


def _form(target: Target, recording: Recording, boundary: str) -> bytes:
    """The form as RFC 7578 has it. The file's name is ours: nothing of a visitor's stands in a header."""
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("model", target.model), ("response_format", "json"))
    )
    name = f"voice.{_ENDINGS[recording.type]}"
    file = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {recording.type}\r\n\r\n"
    )
    return (fields + file).encode() + recording.data + f"\r\n--{boundary}--\r\n".encode()


def _read_answer(body: bytes) -> _Heard:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ModelBadResponse from error
    text = answer.get("text") if isinstance(answer, dict) else None
    # Half a surrogate pair, as JSON can write it, would fail at the database's door.
    if not isinstance(text, str) or any("\ud800" <= c <= "\udfff" or c == "\0" for c in text):
        raise ModelBadResponse
    return _Heard(text.strip(), _seconds(answer))


def _seconds(answer: dict[str, Any]) -> float | None:
    """How long it was, as OpenAI's two forms of usage and most other servers say it."""
    usage = answer.get("usage")
    said = usage.get("seconds") if isinstance(usage, dict) else answer.get("duration")
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said < 86_400:
        return None
    return float(said)


def _record(
    target: Target, recording: Recording, heard: _Heard | None, outcome: str, ms: int, attempt: int
) -> CallRecord:
    """The ledger's line: nothing where a provider refused, our guess where it did not say how long it was."""
    known = heard.seconds if heard is not None else None
    billed = outcome in BILLED_WITHOUT_A_WORD
    seconds = known if known is not None else recording.guessed_s
    return CallRecord(
        purpose="transcription",
        model=target.model,
        provider=target.provider,
        site_id=recording.site_id,
        conversation_id=recording.conversation_id,
        message_id=None,
        input_tokens=0,
        output_tokens=0,
        estimated=known is None,
        cost_micros=target.sound_cost(seconds) if billed else 0,
        first_token_ms=None,
        total_ms=ms,
        outcome=outcome,
        request_id=secrets.token_hex(16),
        attempt=attempt,
    )
