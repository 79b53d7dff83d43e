"""Server-sent events from bytes, for streams that nobody promised to write well (F15).

Takes pieces split anywhere (in a UTF-8 character, between CR and LF) and gives the data of each event. Comments,
unknown fields and a byte-order mark are passed over.
"""

from minidesk.errors import ModelBadResponse

# A line longer than this is an attack or a fault: httpx's own line reader would buffer all of it (F18).
LINE_LIMIT = 64 * 1024


class EventParser:
    """Feed it bytes; it gives back the `data` of every event that is complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._first = True

    def feed(self, piece: bytes) -> list[str]:
        """The data of the events that `piece` completes. Raises ModelBadResponse for a line over the limit or bad UTF-8."""
        if piece.startswith(b"data: ") and piece.endswith(b"\n\n") and self._whole(piece):
            return [self._decoded(piece[6:-2])]
        buffer = self._rest + piece
        if self._first and len(buffer) >= 3:
            buffer, self._first = buffer.removeprefix(b"\xef\xbb\xbf"), False
        # A CR at the very end may be the first half of CRLF: wait for the next piece.
        held = b"\r" if buffer.endswith(b"\r") else b""
        lines = buffer[: len(buffer) - len(held)].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop() + held
        if len(self._rest) > LINE_LIMIT:
            raise ModelBadResponse
        return [event for line in lines if (event := self._line(line)) is not None]

    def _whole(self, piece: bytes) -> bool:
        """One event and nothing else, as nearly every piece of a slow stream is: a fifth of the time of all the rest."""
        alone = not (self._rest or self._data or self._first) and len(piece) <= LINE_LIMIT
        return alone and piece.find(b"\n", 0, -2) < 0 and b"\r" not in piece

    def close(self) -> list[str]:
        """What a stream that ended without a last empty line still held."""
        events = self.feed(b"\n\n")
        return [*events, *self.feed(b"\n")]

    def _line(self, line: bytes) -> str | None:
        if len(line) > LINE_LIMIT:
            raise ModelBadResponse
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            return None
        if line or not self._data:
            return None
        data, self._data = b"\n".join(self._data), []
        return self._decoded(data)

    @staticmethod
    def _decoded(data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise ModelBadResponse from error
