"""Logging: which fields a line has, and that nothing raw gets into one."""

import json
import logging
import sys
from datetime import UTC, datetime

# The fields that code may add to a line by `extra=`; anything else is dropped, so that no visitor's text slips in.
FIELDS = (
    "request_id",
    "site",
    "conversation",
    "message",
    "job",
    "document",
    "method",
    "path",
    "status",
    "ms",
    "code",
)


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """A line for people: time, level, logger, message and the known fields."""
        fields = " ".join(f"{name}={getattr(record, name)}" for name in FIELDS if hasattr(record, name))
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        line = f"{time} {record.levelname.lower():7} {record.name.removeprefix('minidesk.')}: {record.getMessage()}"
        return f"{line} {fields}".rstrip() + (
            f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        )


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """One JSON object with the same fields."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up_logging(level: str, as_json: bool) -> None:
    """Send all logs to standard error, in one form. Third parties speak only from warning on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if as_json else _Plain())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("minidesk").setLevel(level.upper())
