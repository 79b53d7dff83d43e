"""The commands as an operator types them: processes of their own, their lines, their exit statuses."""

import asyncio
import json
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from minidesk.demo import sample_folder
from tests.helpers.commands import minidesk
from tests.helpers.documents import encrypted_pdf, pdf
from tests.helpers.server import running

pytestmark = pytest.mark.timeout(180)

BASE_URL = "https://shop.example.com/help"
GOOD = (
    "returns/returns-policy.md",
    "products/boots.html",
    "stores/opening-hours.txt",
    "shipping/faq-shipping.csv",
    "payment/gift-cards-and-vouchers.jsonl",
    "company/b2b-terms.pdf",
    "stores/boot-fitting-guide.docx",
)
BAD = {
    "bad/empty.md": (b"", "This file is empty."),
    "bad/setup.exe": (b"MZ" + bytes(300), "This kind of file is not taken."),
    "bad/page.pdf": (
        b"<!doctype html><html><body>Not found</body></html>",
        "This file is not what its name says.",
    ),
    "bad/broken.pdf": (pdf([[(72, 700, 10, "Half a page")]])[:200], "This PDF is damaged"),
    "bad/locked.pdf": (encrypted_pdf(), "This PDF is protected by a password."),
    "bad/locked.docx": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
        "This file is protected by a password",
    ),
}
QUESTIONS = (
    {
        "id": "q1",
        "question": "How long can I return something?",
        "relevant": ["returns/returns-policy.md"],
        "answers": ["30 days"],
        "tags": ["returns"],
    },
    {"id": "q2", "question": "Do you rent out ski goggles?", "relevant": [], "answerable": False},
)


@dataclass(frozen=True)
class Shop:
    """A folder of files, and a data folder that took them in once."""

    folder: Path
    data: Path
    first: CompletedProcess[str]


@pytest.fixture(scope="module")
def taken_in(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """All formats, every kind of bad file and a question set, ingested once for all tests here."""
    top = tmp_path_factory.mktemp("shop")
    folder = top / "files"
    for name in GOOD:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample_folder() / name, folder / name)
    (folder / "bad").mkdir()
    for name, (data, _) in BAD.items():
        (folder / name).write_bytes(data)
    (folder / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in QUESTIONS))
    return Shop(folder, top / "data", minidesk(top / "data", "ingest", str(folder), "--base-url", BASE_URL))


@pytest.fixture
def shop(taken_in: Shop, tmp_path: Path) -> Shop:
    """A copy of it that a test may change."""
    shutil.copytree(taken_in.folder, tmp_path / "files")
    shutil.copytree(taken_in.data, tmp_path / "data")
    return Shop(tmp_path / "files", tmp_path / "data", taken_in.first)


def states(done: CompletedProcess[str]) -> dict[str, tuple[str, str]]:
    """State and reason by path."""
    found = [
        re.fullmatch(r"(ready|failed|skipped) ([^:]+)(?:: (.+))?", line) for line in done.stdout.splitlines()
    ]
    assert all(found), done.stdout
    return {one[2]: (one[1], one[3] or "") for one in found if one}


def rows(data: Path, query: str) -> list[tuple[object, ...]]:
    """What the database says."""
    with closing(sqlite3.connect(data / "minidesk.db")) as connection:
        return connection.execute(query).fetchall()


def change(data: Path, statement: str) -> None:
    """What nobody should do."""
    with closing(sqlite3.connect(data / "minidesk.db")) as connection, connection:
        connection.execute(statement)


def test_ingest_says_a_line_a_document(taken_in: Shop) -> None:
    done = taken_in.first
    assert done.returncode == 1  # some failed
    assert done.stderr == ""
    found = states(done)
    for name, (_, why) in BAD.items():
        state, reason = found.pop(name)
        assert state == "failed", name
        assert reason.startswith(why), name
        assert reason.endswith("."), name
    assert found.pop("questions.jsonl")[0] == "skipped"
    assert {state for state, _ in found.values()} == {"ready"}
    for name in GOOD:
        if name.endswith("csv"):
            assert f"{name}#14" in found
        elif name.endswith("jsonl"):
            assert "gift-cards-lost" in found
        else:
            assert name in found
    urls = {row[0]: row[1] for row in rows(taken_in.data, "SELECT external_id, url FROM documents")}
    assert urls["stores/opening-hours.txt"] == f"{BASE_URL}/stores/opening-hours"


def test_ingest_again_changes_nothing_and_a_change_replaces(shop: Shop) -> None:
    good = [str(shop.folder / part) for part in ("returns", "stores")]
    version = "SELECT external_id, current_version_id FROM documents ORDER BY external_id"
    shutil.rmtree(shop.folder / "bad")
    before = rows(shop.data, version)
    again = minidesk(shop.data, "ingest", str(shop.folder), "--base-url", BASE_URL)
    assert again.returncode == 0
    assert rows(shop.data, version) == before
    assert {path: state for path, (state, _) in states(again).items()} == {
        path: state for path, (state, _) in states(shop.first).items() if not path.startswith("bad/")
    }

    hours = shop.folder / "stores" / "opening-hours.txt"
    hours.write_text("Opening hours\n\nThe shop on the moon opens at five in the morning.\n")
    assert minidesk(shop.data, "ingest", str(shop.folder), "--base-url", BASE_URL).returncode == 0
    after = {row[0]: row[1] for row in rows(shop.data, version)}
    assert {path for path, now in before if after[path] != now} == {"stores/opening-hours.txt"}
    found = json.loads(minidesk(shop.data, "search", "shop on the moon", "-k", "1", "--json").stdout)
    assert found["passages"][0]["document"] == "stores/opening-hours.txt"
    assert "five in the morning" in found["passages"][0]["text"]

    # A file that fails now leaves what it said before.
    hours.write_bytes(b"")
    assert minidesk(shop.data, "ingest", *good).returncode == 1
    found = json.loads(minidesk(shop.data, "search", "shop on the moon", "-k", "1", "--json").stdout)
    assert "five in the morning" in found["passages"][0]["text"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest", "nowhere"), "nowhere does not exist."),
        (("ingest", "."), None),
    ],
)
def test_ingest_of_what_is_not_there(tmp_path: Path, arguments: tuple[str, ...], said: str | None) -> None:
    (tmp_path / "empty").mkdir()
    if said is None:
        done = minidesk(tmp_path / "empty" / "data", *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return
    done = minidesk(tmp_path / "data", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "data" / "minidesk.db").exists()


def test_search_ask_and_eval(taken_in: Shop, tmp_path: Path) -> None:
    found = json.loads(minidesk(taken_in.data, "search", "return shoes", "-k", "3", "--json").stdout)
    assert found.keys() == {"score", "mode", "passages"}
    assert found["mode"] == "hybrid"
    assert 0 < found["score"] <= 1
    assert len(found["passages"]) == 3
    assert {key for one in found["passages"] for key in one} == {
        "chunk",
        "document",
        "title",
        "score",
        "text",
    }
    for people in ("search", "ask"):
        said = minidesk(taken_in.data, people, "How long can I return something?")
        assert (said.returncode, said.stderr) == (0, "")
        assert "30 days" in said.stdout

    asked = minidesk(taken_in.data, "ask", "How long can I return something?", "--json")
    assert asked.stderr == ""
    answer = json.loads(asked.stdout)
    assert list(answer) == [
        *(
            "outcome",
            "kind",
            "reason",
            "score",
            "text",
            "citations",
            "passages",
            "model",
            "tokens",
            "cost_usd",
            "ms",
        ),
    ]
    assert answer["outcome"] == "reply"
    assert "30 days" in answer["text"]
    text = rows(
        taken_in.data,
        "SELECT v.text FROM documents d JOIN document_versions v ON v.id = d.current_version_id "
        "WHERE external_id = 'returns/returns-policy.md'",
    )[0][0]
    for citation in answer["citations"]:
        assert list(citation) == ["n", "document", "title", "url", "quote", "start", "end"]
        assert citation["document"] == "returns/returns-policy.md"
        assert citation["url"] == f"{BASE_URL}/returns/returns-policy"
        assert isinstance(text, str)
        assert " ".join(text[citation["start"] : citation["end"]].split()) == " ".join(
            citation["quote"].split()
        )
    assert {key for one in answer["passages"] for key in one} == {"chunk", "document", "score"}
    assert (answer["model"], answer["tokens"], answer["cost_usd"]) == (None, 0, 0)

    out = tmp_path / "results.jsonl"
    for given in ((), ("--given",)):
        questions = str(taken_in.folder / "questions.jsonl")
        done = minidesk(taken_in.data, "eval", questions, "--out", str(out), *given)
        assert (done.returncode, done.stderr) == (0, "")
        assert "  hit@1 " in done.stdout
        first, second = (json.loads(line) for line in out.read_text().splitlines())
        assert set(first) >= {
            *("id", "documents", "score", "outcome", "kind", "text", "citations", "cost_usd", "ms"),
        }
        assert (first["id"], first["outcome"], second["outcome"]) == ("q1", "reply", "clarify")
        assert first["documents"][0] == first["citations"][0]["document"] == "returns/returns-policy.md"
        assert (len(set(first["documents"])) == 1) is bool(given)


def test_eval_of_what_is_no_question_set(taken_in: Shop) -> None:
    done = minidesk(taken_in.data, "eval", str(taken_in.folder / GOOD[0]))
    assert done.returncode == 1
    assert done.stderr.startswith("Line 1 is no question")
    assert len(done.stderr.splitlines()) == 1
    assert minidesk(taken_in.data, "eval", "nowhere.jsonl").returncode == 2


def test_sites_agents_and_migrate(tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = minidesk(data, "migrate")
    assert (done.returncode, done.stdout, done.stderr) == (0, "The database is up to date.\n", "")
    added = minidesk(data, "sites", "add", "Second shop", "--origin", "https://two.example.com")
    key, tag = added.stdout.splitlines()
    assert f'data-site="{key}"' in tag
    listed = minidesk(data, "sites", "list").stdout.splitlines()
    assert len(listed) == 2
    assert f"{key}  Second shop  (https://two.example.com)" in listed

    several = minidesk(
        data, "agents", "add", "mara@example.com", "--password-stdin", typed="long enough words\n"
    )
    assert several.returncode == 1
    assert "--site KEY" in several.stderr
    made = minidesk(
        *(data, "agents", "add", "mara@example.com", "--password-stdin", "--site", key, "--role", "agent"),
        typed="long enough words\n",
    )
    assert made.returncode == 0, made.stderr
    assert "long enough words" not in made.stdout + made.stderr
    assert minidesk(data, "agents", "list").stdout == "mara@example.com  mara  agent of Second shop\n"
    for typed, email in (("short\n", "b@example.com"), ("long enough words\n", "mara@example.com")):
        refused = minidesk(data, "agents", "add", email, "--password-stdin", "--site", key, typed=typed)
        assert refused.returncode == 1
        assert len(refused.stderr.splitlines()) == 1
    unknown = minidesk(data, "search", "x", "--site", "pk_nothing")
    assert (unknown.returncode, len(unknown.stderr.splitlines())) == (1, 1)
    assert "minidesk sites list" in unknown.stderr


def differs(done: CompletedProcess[str]) -> list[str]:
    """The lines that complain."""
    assert {line[:8] for line in done.stdout.splitlines()} <= {"ok      ", "DIFFERS "}
    assert done.stderr == ""
    complaints = [line for line in done.stdout.splitlines() if line.startswith("DIFFERS")]
    assert done.returncode == bool(complaints)
    return complaints


def test_doctor_builds_what_can_be_built_and_repairs_the_rest(shop: Shop) -> None:
    fresh = minidesk(shop.data, "doctor")
    assert differs(fresh) == []
    assert "Chroma had nothing of this site and was built" in fresh.stdout

    # Indexes are projections: losing them loses nothing.
    shutil.rmtree(shop.data / "chroma")
    shutil.rmtree(shop.data / "fulltext")
    rebuilt = minidesk(shop.data, "doctor")
    assert differs(rebuilt) == []
    assert rebuilt.stdout.count("had nothing of this site and was built") == 2

    # Vectors are not: a repair embeds their texts again.
    change(shop.data, "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors ORDER BY id LIMIT 5)")
    change(shop.data, "UPDATE chunks SET version_id = 'ver_old' WHERE id = (SELECT min(id) FROM chunks)")
    passages = rows(shop.data, "SELECT count(*) FROM chunks")[0][0]
    assert isinstance(passages, int)
    found = differs(minidesk(shop.data, "doctor"))
    assert [line.split(": ")[1] for line in found][:2] == [
        "1 passages of replaced versions.",
        "1 passages without their document's text.",
    ]
    repaired = minidesk(shop.data, "doctor", "--repair")
    assert differs(repaired) == []
    assert "Repaired." in repaired.stdout
    assert rows(shop.data, "SELECT count(*) FROM chunks") == [(passages - 1,)]
    assert differs(minidesk(shop.data, "doctor")) == []

    # Bytes that are gone cannot be made again. Those of refused files are kept for a time too, and nothing needs them.
    ((stored,),) = rows(shop.data, "SELECT sha256 FROM sources ORDER BY path LIMIT 1")
    (file,) = (shop.data / "files").glob(f"??/??/{stored}")
    file.write_bytes(b"rotten")
    for _ in range(2):
        (complaint,) = differs(minidesk(shop.data, "doctor", "--repair"))
        assert "upload them again" in complaint


async def test_beside_a_running_server(shop: Shop, tmp_path: Path) -> None:
    async def command(*arguments: str, **settings: str) -> CompletedProcess[str]:
        return await asyncio.to_thread(minidesk, shop.data, *arguments, **settings)

    shutil.rmtree(shop.folder / "bad")
    (shop.folder / "moon.md").write_text("# Moon\n\nThe shop on the moon opens at five in the morning.\n")
    (shop.folder / "nothing.md").write_bytes(b"")
    async with running(tmp_path) as server:
        done = await command("ingest", str(shop.folder), "--base-url", BASE_URL)
        assert done.returncode == 1
        assert states(done)["moon.md"] == ("ready", "")
        assert states(done)["nothing.md"][0] == "failed"
        assert done.stderr == ""
        owner = rows(shop.data, "SELECT count(*) FROM jobs WHERE kind = 'ingest'")
        assert owner == [(0,)]
        asked = await command("ask", "When does the shop on the moon open?")
        assert "five in the morning" in asked.stdout
        assert (await command("search", "moon")).returncode == 0

        for arguments in (("doctor",), ("serve", "--port", "0")):
            refused = await command(*arguments)
            assert refused.returncode == 1
            assert refused.stderr.startswith("Another minidesk process owns")
            assert len(refused.stderr.splitlines()) == 1
        taken = await command("serve", "--port", str(server.port))
        assert taken.returncode == 1
        assert taken.stderr.startswith(f"Port {server.port} on 127.0.0.1 cannot be used")
    assert "Traceback" not in server.log
    assert differs(await command("doctor")) == []


@pytest.mark.parametrize("command", [("serve",), ("search", "x")])
def test_a_setting_that_cannot_be_used(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = minidesk(tmp_path / "data", *command, MINIDESK_PORT="abc")
    assert done.returncode == 2
    assert done.stderr.startswith("MINIDESK_PORT: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_level_that_was_set_is_kept(taken_in: Shop, tmp_path: Path) -> None:
    shutil.copytree(taken_in.data, tmp_path / "data")
    done = minidesk(tmp_path / "data", "doctor", MINIDESK_LOG_LEVEL="info")
    assert "vector index built from the database" in done.stderr
