"""What errors say in other languages: only for codes that there are, and only in requests that ask for it."""

import re
from pathlib import Path

import minidesk
from minidesk.errors import AlreadyAssigned, MinideskError, NotFound, TooMany
from minidesk.text.locale import load_texts
from minidesk.text.sentences import _tables, speak_errors


def test_every_sentence_has_a_code_that_is_raised() -> None:
    root = Path(minidesk.__file__).parent
    source = "\n".join(path.read_text() for path in root.rglob("*.py"))
    codes = set(re.findall(r'code\s*=\s*"([a-z_]+)"', source))
    tables = _tables()
    assert set(tables) == set(load_texts().locales)
    for language, table in tables.items():
        assert set(table) <= codes, language
        assert all(sentence.rstrip().endswith((".", "?", "…", "。")) for sentence in table.values()), language
    visitors = set(tables["fr"])
    assert all(visitors <= set(table) for language, table in tables.items() if language != "en")


def test_an_error_speaks_the_language_of_the_request() -> None:
    named = AlreadyAssigned("Mara has it.")
    assert (named.message, TooMany().message) == ("Mara has it.", TooMany.default)
    speak_errors("de-AT, en;q=0.5")
    assert named.message.startswith("Jemand anders hat dieses Gespräch")
    assert str(named) == "Mara has it."  # what the log says
    named.message = "a.txt: zu groß"
    assert named.message == "a.txt: zu groß"
    assert MinideskError("as it was raised", code="of_no_table").message == "as it was raised"
    speak_errors("xx")
    assert NotFound().message == NotFound.default
