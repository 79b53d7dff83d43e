"""All rows as JSON lines, and back: the same for SQLite and PostgreSQL, so that a desk can also move from one to the other.

A dump tells each column's kind itself, because the tables of an older revision are not those of today's models.
"""

import base64
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import LargeBinary, column, func, insert, select, table, text
from sqlalchemy.types import JSON, TypeDecorator, TypeEngine

from minidesk.db.models import Base
from minidesk.db.models.base import Json, UtcDateTime
from minidesk.db.session import Tx

Kind = Literal["plain", "time", "bytes", "json"]

# Rows sent to the database at once, and held in memory: a vector's row is 1 KB, a version's text may be 1 MB.
ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table's name and, in order, its columns with the kind of their values."""

    name: str
    columns: tuple[tuple[str, Kind], ...]


def shapes() -> list[TableShape]:
    """All tables, those that others point to first: rows can be put back in this order."""
    return [
        TableShape(each.name, tuple((held.name, _kind(held.type)) for held in each.columns))
        for each in Base.metadata.sorted_tables
    ]


async def dump_rows(tx: Tx, shape: TableShape) -> AsyncIterator[str]:
    """A table's rows, one JSON list a line, in the order of `shape.columns`."""
    source = Base.metadata.tables[shape.name]
    rows = await tx.stream(select(source).execution_options(yield_per=ROWS_AT_ONCE))
    async for row in rows:
        values = [_out(value) for value in row]
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":"))


async def load_rows(tx: Tx, shape: TableShape, lines: Iterable[str]) -> int:
    """Put dumped rows into a table of that shape; how many there were."""
    target = table(shape.name, *(column(name, _TYPES[kind]) for name, kind in shape.columns))
    held: list[Mapping[str, Any]] = []
    count = 0
    for line in lines:
        held.append(_row(shape.columns, json.loads(line)))
        count += 1
        if len(held) == ROWS_AT_ONCE:
            await tx.execute(insert(target), held)
            held = []
    if held:
        await tx.execute(insert(target), held)
    return count


async def count_on(tx: Tx) -> None:
    """Let ids that the database counts by itself begin behind the rows that were loaded.

    SQLite looks at the rows each time. PostgreSQL has a sequence a column, which rows that bring their ids do not move.
    """
    if tx.get_bind().dialect.name == "sqlite":
        return
    counted = await tx.execute(
        text(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema()"
            " AND (is_identity = 'YES' OR column_default LIKE 'nextval(%')"
        )
    )
    for name, id_ in counted.all():
        last = select(func.max(column(id_))).select_from(table(name)).scalar_subquery()
        # Of an empty table the last is NULL, and then nothing is set.
        await tx.execute(select(func.setval(func.pg_get_serial_sequence(name, id_), last)))


_TYPES: dict[Kind, TypeEngine[Any] | None] = {
    "plain": None,
    "time": UtcDateTime(),
    "bytes": LargeBinary(),
    "json": Json,
}


def _kind(type_: TypeEngine[Any]) -> Kind:
    plain = type_.impl_instance if isinstance(type_, TypeDecorator) else type_
    if isinstance(type_, UtcDateTime):
        return "time"
    if isinstance(plain, LargeBinary):
        return "bytes"
    return "json" if isinstance(plain, JSON) else "plain"


def _out(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value


def _row(columns: Sequence[tuple[str, Kind]], values: Sequence[Any]) -> dict[str, Any]:
    return {name: _in(kind, value) for (name, kind), value in zip(columns, values, strict=True)}


def _in(kind: Kind, value: Any) -> Any:
    if value is None or kind in ("plain", "json"):
        return value
    return datetime.fromisoformat(value) if kind == "time" else base64.b64decode(value, validate=True)
