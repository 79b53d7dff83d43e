"""The real embedding model, and passages of a small shop."""

from collections.abc import AsyncIterator

import pytest_asyncio

from minidesk.knowledge.embed import Embedder, open_embedder
from minidesk.settings import load_settings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def embedder() -> AsyncIterator[Embedder]:
    """One a session: opening takes 0.3 s once the model has been exported."""
    opened = await open_embedder(load_settings())
    yield opened
    opened.close()
