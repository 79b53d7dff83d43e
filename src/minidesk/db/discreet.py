"""Errors of PostgreSQL that say nothing of what stands in rows.

A server tells with a broken constraint which values broke it ("Key (email)=(…) already exists", or a whole row), and
quotes a value that it cannot read. `hide_parameters` hides what we sent, not that: with the first traceback that is
logged, addresses and visitors' texts would be in the log, and in the reason of a job that failed.
"""

import re
from collections.abc import Iterator

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

_QUOTED = re.compile(r'".*"', re.DOTALL)
_ARGUMENT = re.compile(r"(query argument \$\d+).*", re.DOTALL)
# The class of SQLSTATE whose messages quote values; others quote names of tables and constraints.
_OF_DATA = "22"


def keep_values_out(engine: Engine) -> None:
    """From now on no error of this engine holds the values of a row or a parameter."""

    @event.listens_for(engine, "handle_error")
    def _hush(context: ExceptionContext) -> None:
        state = str(getattr(context.original_exception, "sqlstate", None) or "")
        if context.sqlalchemy_exception is not None:
            _clear(context.sqlalchemy_exception, state)
        for error in _with_causes(context.original_exception):
            _clear(error, state)


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    """The adapter's error, the driver's own, and what led to it: a traceback shows them all."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _clear(error: BaseException, state: str) -> None:
    # The driver's text of itself has them; SQLAlchemy's `detail` is a list of its own.
    for told in ("detail", "context"):
        if isinstance(getattr(error, told, None), str):
            setattr(error, told, None)
    if error.args and isinstance(error.args[0], str):
        message = _ARGUMENT.sub(r"\1", error.args[0])  # the driver's own word for what it cannot send
        if state.startswith(_OF_DATA):
            message = _QUOTED.sub('"…"', message)
        error.args = (message, *error.args[1:])
