"""Rows and transactions. Callers import `Database`, `Tx` and the models from here and `db.models`."""

from minidesk.db.session import Database, Tx

__all__ = ["Database", "Tx"]
