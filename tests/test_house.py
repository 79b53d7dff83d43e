"""The house: which room may import which, as data. ARCHITECTURE.md tells the same table in words."""

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import minidesk

PACKAGE = Path(minidesk.__file__).parent


@dataclass(frozen=True)
class Floor:
    """Rooms that import only from the floors below them, and from `also` on their own floor."""

    rooms: tuple[str, ...]
    because: str
    also: tuple[tuple[str, str], ...] = ()  # (room, the neighbour it may import)


FLOORS = (
    Floor(("errors", "settings", "telemetry", "text"), "everyone may use them", also=(("text", "errors"),)),
    Floor(
        ("db", "gateway", "outbound", "files"),
        "the gateway never sees a database (its ledger takes a sink) or a web request",
    ),
    Floor(("live", "jobs", "fulltext"), "they carry; they do not know what", also=(("jobs", "live"),)),
    Floor(("sites", "accounts"), "they write rows and announce them; they know no answers"),
    Floor(("knowledge", "conversations"), "neither knows the other"),
    Floor(
        ("tickets", "channels", "answering"),
        "answering is testable with a scripted model and nothing else",
    ),
    Floor(("ingest", "read_ahead", "ask", "handoff"), "the only places where steps are put in order"),
    Floor(
        ("reply", "assist", "inbound", "insight"),
        "a reply is an `ask` with rows around it; evaluation is an `ask` for each line",
    ),
    Floor(("web",), "routes parse and answer; they decide nothing"),
    Floor(
        ("wiring", "operations", "backup", "demo", "app", "cli", "__main__"),
        "composition only",
        also=(
            ("operations", "wiring"),
            ("backup", "wiring"),
            ("demo", "wiring"),
            ("app", "wiring"),
            ("app", "demo"),
            ("cli", "wiring"),
            ("cli", "operations"),
            ("cli", "backup"),
            ("cli", "app"),
            ("__main__", "cli"),
        ),
    ),
)

# A room below that is not for everyone above it.
FORBIDDEN = (
    ("gateway", "db", "the gateway never sees a database"),
    ("answering", "db", "answering sees records of search and gateway only"),
    ("answering", "conversations", "the same"),
    ("answering", "live", "the same"),
    ("answering", "jobs", "the same"),
    ("ask", "conversations", "one question is answered without writing a conversation"),
    ("ask", "db", "the same"),
    ("knowledge", "conversations", "neither knows the other"),
    ("conversations", "knowledge", "neither knows the other"),
)

# The only files that may name a library: it can then be changed, and its weight kept out of start-up, in one place.
HOMES = {
    "chromadb": ("knowledge/index.py", "knowledge/index_check.py"),
    "tantivy": ("fulltext/",),
    "sentence_transformers": ("knowledge/model_export.py", "knowledge/cross_encoder.py"),
    "torch": ("knowledge/model_export.py",),
    "httpx": ("outbound/",),
    "aiohttp": ("gateway/wire.py",),
    "aiosmtplib": ("channels/smtp.py",),
    "PIL": ("files/pictures.py",),
    "authlib": ("accounts/oidc.py",),
}

HEAVY = (
    "chromadb",
    "tantivy",
    "sentence_transformers",
    "torch",
    "onnxruntime",
    "numpy",
    "PIL",
    "sqlalchemy",
    "fastapi",
)


def room_of(path: str) -> str:
    """`knowledge/search.py` → `knowledge`, `ask.py` → `ask`."""
    return path.split("/", maxsplit=1)[0].removesuffix(".py")


def imports_of(source: str) -> list[str]:
    """Dotted names that a file imports, wherever the statement stands (inside functions too)."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def violations(path: str, source: str) -> list[str]:
    """What this file imports against the table."""
    level = {room: n for n, floor in enumerate(FLOORS) for room in floor.rooms}
    here = room_of(path)
    if here == "__init__":
        return []
    if here not in level:
        return [f"{path}: the room `{here}` is not in the table"]
    wrong = []
    for name in imports_of(source):
        parts = name.split(".")
        homes = HOMES.get(parts[0])
        if homes and not path.startswith(homes):
            wrong.append(f"{path} imports {name}: only {', '.join(homes)} may")
        if parts[0] != "minidesk" or len(parts) < 2 or parts[1] not in level:
            continue
        there = parts[1]
        sideways = (
            level[there] == level[here] and there != here and (here, there) not in FLOORS[level[here]].also
        )
        banned = next((why for a, b, why in FORBIDDEN if (a, b) == (here, there)), None)
        if level[there] > level[here] or sideways or banned:
            wrong.append(f"{path} imports {name}: {banned or FLOORS[level[here]].because}")
        if here == there == "web" and len(parts) > 2:
            wing, other = path.split("/")[1], parts[2]
            if "." not in wing and (PACKAGE / "web" / other).is_dir() and wing != other:
                wrong.append(f"{path} imports {name}: the parts of web never import each other")
    return wrong


def test_every_import_goes_down() -> None:
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        path = file.relative_to(PACKAGE).as_posix()
        found += violations(path, file.read_text())
    assert found == []


@pytest.mark.parametrize(
    ("path", "source", "allowed"),
    [
        ("knowledge/search.py", "from minidesk.fulltext import FullText", True),
        ("knowledge/search.py", "from minidesk.conversations import access", False),
        ("knowledge/search.py", "def f():\n    import chromadb", False),
        ("knowledge/index.py", "import chromadb", True),
        ("gateway/ledger.py", "from minidesk.db import Database", False),
        ("answering/compose.py", "from minidesk.knowledge.records import Passage", True),
        ("answering/compose.py", "from minidesk.db import Tx", False),
        ("ask.py", "from minidesk.reply import Replier", False),
        ("tickets/actions.py", "from minidesk.conversations import access", True),
        ("tickets/actions.py", "from minidesk.channels import email", False),
        ("web/console/pages.py", "from minidesk.web.visitor_api import routes", False),
        ("web/console/pages.py", "from minidesk.web.guard import check_csrf", True),
        ("elsewhere/x.py", "", False),
    ],
)
def test_the_check_itself(path: str, source: str, allowed: bool) -> None:
    assert (violations(path, source) == []) is allowed


def test_forms_are_read_in_one_place() -> None:
    """`request.form()` decodes with whatever codec a stranger's header names; `read_form` refuses all but UTF-8."""
    found = [
        file.relative_to(PACKAGE).as_posix()
        for file in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("form", "_get_form")
    ]
    assert found == ["web/body.py"]


def test_importing_the_package_and_asking_for_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, minidesk\n"
        "from minidesk.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stderr.strip() == "[]"
    for command in (
        "demo",
        "serve",
        "ingest",
        "search",
        "ask",
        "eval",
        "doctor",
        "agents",
        "sites",
        "migrate",
        "work",
        "simulate",
        "models",
        "keys",
        "backup",
        "restore",
    ):
        assert command in run.stdout
