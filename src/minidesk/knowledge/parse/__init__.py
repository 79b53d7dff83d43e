"""From a file's bytes to documents, in a child process with limits.

The names are loaded when they are used: the child process imports this package too, and needs none of them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidesk.knowledge.parse.pool import ParserPool, parse_file

__all__ = ["ParserPool", "parse_file"]

# Raised whenever a parser or the chunker makes something else of the same file, so that documents are read again.
PARSER_VERSION = 3


def __getattr__(name: str) -> Any:
    if name in __all__:
        from minidesk.knowledge.parse import pool

        return getattr(pool, name)
    raise AttributeError(name)
