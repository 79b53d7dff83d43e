"""A desk for the tests of conversations."""

import pytest
from tests.conftest import FakeClock
from tests.desk import Desk, open_desk

from minidesk.db import Database


@pytest.fixture
async def desk(db: Database, clock: FakeClock) -> Desk:
    """A desk on the test's own database."""
    return await open_desk(db, clock)
