"""What all tests share: settings in a folder of their own, a clock that is moved by hand, and a migrated database.

`db` runs every test that asks for it on SQLite and on PostgreSQL. The test target starts PostgreSQL and names it in
MINIDESK_TEST_POSTGRES_URL; outside CI a run without it says what it leaves out.
"""

import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest
import pytest_asyncio
from hypothesis import settings as generated
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from minidesk.db import Database
from minidesk.db.migrate import migrate
from minidesk.settings import Settings, load_settings
from tests.helpers.server import sample_in

POSTGRES = os.environ.get("MINIDESK_TEST_POSTGRES_URL", "")
IN_CI = os.environ.get("CI") == "true"


def pytest_configure() -> None:
    """Every httpx client reads the bundle of certificates, 40 ms each time; no test asks an address with TLS.

    Generated inputs are the same in every run: what a change is refused for is of that change. `make prove` looks for new
    ones. And how long one of them takes says more about the machine than about us.
    """
    searching = os.environ.get("MINIDESK_PROVE") == "1"
    generated.register_profile("minidesk", derandomize=not searching, deadline=None)
    generated.load_profile("minidesk")
    bundle = Path(certifi.where()).read_text(encoding="utf-8")
    end = "-----END CERTIFICATE-----\n"
    path = Path(tempfile.gettempdir()) / f"one-certificate-{os.getpid()}.pem"
    path.write_text(bundle[bundle.index("-----BEGIN") : bundle.index(end) + len(end)], encoding="utf-8")
    os.environ["SSL_CERT_FILE"] = str(path)


def pytest_unconfigure() -> None:
    """Remove it."""
    Path(os.environ["SSL_CERT_FILE"]).unlink(missing_ok=True)


class FakeClock:
    """A clock that stands until it is told to move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)  # a Monday

    def __call__(self) -> datetime:
        """The time as it stands."""
        return self.now

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Move on."""
        self.now += timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A developer's own environment and minidesk.toml must not decide a test."""
    for name in list(os.environ):
        if name.startswith("MINIDESK_") and not name.startswith("MINIDESK_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    """Monday, 2 March 2026, 10:00 UTC."""
    return FakeClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Defaults, in a data folder of the test's own."""
    return load_settings(data_dir=tmp_path / "data")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file made by the real migrations; tests copy it."""
    folder = tmp_path_factory.mktemp("template")
    path = folder / "template.db"
    db = Database(f"sqlite+aiosqlite:///{path}")
    await migrate(db, folder)
    await db.close()
    with sqlite3.connect(path) as connection:  # fold the log in, so that one file is the whole
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the sample shop, one for all workers; tests copy it."""
    own = tmp_path_factory.getbasetemp()
    return await sample_in(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[AsyncConnection | None]:
    """A connection that makes and drops databases: one a session, for to connect costs as much as to do that."""
    if not POSTGRES:
        yield None
        return
    engine = create_async_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_template(postgres: AsyncConnection | None) -> AsyncIterator[str]:
    """The name of a PostgreSQL database made by the real migrations; tests copy it."""
    if postgres is None:
        yield ""
        return
    name = f"template_{secrets.token_hex(4)}"
    await postgres.execute(text(f"CREATE DATABASE {name}"))
    db = Database(postgres_url(name))
    await migrate(db, Path("/nonexistent-and-not-needed"))
    await db.close()
    yield name
    await postgres.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def postgres_url(database: str) -> str:
    """The test server's URL with another database."""
    return make_url(POSTGRES).set(database=database).render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Which database this run of the test uses."""
    kind: str = request.param
    if kind == "postgres" and not POSTGRES:
        if IN_CI:
            pytest.fail("In CI nothing may be left out: MINIDESK_TEST_POSTGRES_URL is not set.")
        pytest.skip("no PostgreSQL: run `make test`, or set MINIDESK_TEST_POSTGRES_URL")
    return kind


@pytest_asyncio.fixture(loop_scope="session")
async def database_url(
    database_kind: str,
    sqlite_template: Path,
    postgres: AsyncConnection | None,
    postgres_template: str,
    tmp_path: Path,
) -> AsyncIterator[str]:
    """A migrated, empty database of the test's own."""
    if database_kind == "sqlite":
        path = tmp_path / "data" / "minidesk.db"
        path.parent.mkdir(exist_ok=True)
        shutil.copy(sqlite_template, path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    assert postgres is not None
    name = f"test_{secrets.token_hex(6)}"
    await postgres.execute(text(f"CREATE DATABASE {name} TEMPLATE {postgres_template}"))
    yield postgres_url(name)
    await postgres.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """An open `Database` on `database_url`."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def sqlite_only(sqlite_template: Path, tmp_path: Path) -> Path:
    """A migrated SQLite file, for tests about SQLite itself."""
    path = tmp_path / "only.db"
    shutil.copy(sqlite_template, path)
    return path
