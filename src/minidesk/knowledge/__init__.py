"""Documents and passages: from a file's bytes to what search returns.

The names are loaded when they are used: importing this package must load neither numpy nor chromadb nor a model,
because the command line and the parsing child import it too.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidesk.knowledge.embed import Embedder, open_embedder
    from minidesk.knowledge.projection import Follower
    from minidesk.knowledge.records import Passage, SearchResult
    from minidesk.knowledge.search import Searcher
    from minidesk.knowledge.sources import Sources, SourceState

_ROOMS = {
    "Embedder": "embed",
    "Follower": "projection",
    "Passage": "records",
    "SearchResult": "records",
    "Searcher": "search",
    "SourceState": "sources",
    "Sources": "sources",
    "open_embedder": "embed",
}

__all__ = [
    "Embedder",
    "Follower",
    "Passage",
    "SearchResult",
    "Searcher",
    "SourceState",
    "Sources",
    "open_embedder",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return getattr(import_module(f"minidesk.knowledge.{_ROOMS[name]}"), name)
    raise AttributeError(name)
