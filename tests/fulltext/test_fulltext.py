"""Full text on real tantivy indexes: what is found, what is not, and that index and revision cannot disagree."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from minidesk.errors import IndexUnavailable
from minidesk.fulltext import FullText, TextDoc, TextPage
from minidesk.fulltext.terms import query_terms

SITE = "ste_1"


def doc(id_: str, body: str, *, group: str = "g", title: str = "", question: str = "") -> TextDoc:
    """A text with little but a body."""
    return TextDoc(id_, group, title, "", question, body)


@pytest.fixture
def fulltext(tmp_path: Path) -> FullText:
    """A few texts of a shop, at revision 3."""
    found = FullText(tmp_path)
    found.rebuild(
        SITE,
        [
            doc("returns", "You can return unworn boots within 30 days.", group="a"),
            doc("delivery", "Parcels are delivered by the courier in two days.", group="a"),
            doc("code", "The article number AB-1234 belongs to the Lizum tent.", group="b"),
            doc("other", "The article number AB-9999 belongs to the stove, 1234 grams.", group="b"),
            doc("price", "Shipping to Austria costs 4.90 euros.", group="c", title="Réturn fees"),
            TextPage("a", "You can return unworn boots within 30 days. Parcels are delivered by courier."),
        ],
        3,
    )
    return found


def ids(fulltext: FullText, query: str, within: list[str] | None = None) -> list[str]:
    """What is found, best first."""
    return [hit.id for hit in fulltext.search(SITE, query, 10, within).hits]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("returning my boot", "returns"),  # stems
        ("When will the parcle be deliverd?", "delivery"),  # typing errors
        ("ab-1234", "code"),  # a code is more than its parts
        ("4.90", "price"),
        ("RETURN FEES", "price"),  # the title, without its accent
    ],
)
def test_finds_what_was_meant(fulltext: FullText, query: str, first: str) -> None:
    assert ids(fulltext, query)[0] == first


def test_a_number_is_never_guessed(fulltext: FullText) -> None:
    assert ids(fulltext, "12345") == []
    assert ids(fulltext, "1234")[:2] != []


@pytest.mark.parametrize(
    "query",
    [
        'body:"',
        "id:returns",
        "(((",
        "a AND (b",
        "/.*/",
        "+-!^~*?",
        "[* TO *]",
        "\x00",
        "🥾",
        "",
        "the and of",
    ],
)
def test_no_query_language(fulltext: FullText, query: str) -> None:
    """Visitors' characters are words or nothing; none of them raises or selects by field."""
    assert ids(fulltext, query) == ids(fulltext, " ".join(re.findall(r"\w+", query)))


def test_within_keeps_to_groups(fulltext: FullText) -> None:
    assert set(ids(fulltext, "article number return", ["b"])) == {"code", "other"}
    assert ids(fulltext, "article number return", []) == []


def test_pages_see_words_that_are_spread(fulltext: FullText) -> None:
    pages = fulltext.search(SITE, "return courier", 5).pages
    assert [page.id for page in pages] == ["a"]
    assert 0 < pages[0].share <= 1


def test_share_says_how_much_was_found(fulltext: FullText) -> None:
    whole = fulltext.search(SITE, "unworn boots", 5).hits[0].share
    half = fulltext.search(SITE, "unworn zebra", 5).hits[0].share
    assert whole > half > 0


def test_apply_twice_is_once(fulltext: FullText) -> None:
    for _ in range(2):
        fulltext.apply(SITE, [doc("new", "We sell zebra saddles.", group="a")], ["returns"], 4, gone=["a"])
    assert ids(fulltext, "zebra") == ["new"]
    assert "returns" not in ids(fulltext, "unworn boots")
    assert fulltext.search(SITE, "return courier", 5).pages == []
    assert fulltext.revision(SITE) == 4


def test_another_process_reads_what_was_committed(fulltext: FullText, tmp_path: Path) -> None:
    reader = FullText(tmp_path)
    assert [hit.id for hit in reader.search(SITE, "unworn", 5).hits] == ["returns"]
    fulltext.apply(SITE, [], ["returns"], 4)
    assert reader.search(SITE, "unworn", 5).hits == []
    assert reader.revision(SITE) == 4


def test_a_writer_killed_before_its_commit_leaves_the_old_state(fulltext: FullText, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom minidesk.fulltext import FullText, TextDoc\n"
        "def docs():\n"
        "    for n in range(100): yield TextDoc(f'n{n}', 'g', '', '', '', 'zebra')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"FullText(Path(sys.argv[1])).apply('{SITE}', docs(), ['returns'], 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert fulltext.revision(SITE) == 3
    assert ids(fulltext, "zebra") == []
    fulltext.apply(SITE, [doc("after", "zebra")], [], 4)  # the dead writer's lock is free
    assert ids(fulltext, "zebra") == ["after"]


def test_missing_and_damaged(fulltext: FullText, tmp_path: Path) -> None:
    assert fulltext.revision("ste_none") == -1
    with pytest.raises(IndexUnavailable):
        fulltext.search("ste_none", "boots", 5)
    fulltext.close()
    for path in (tmp_path / SITE).rglob("*"):
        if path.is_file():
            path.write_bytes(b"garbage")
    assert fulltext.revision(SITE) == -1
    with pytest.raises(IndexUnavailable):
        fulltext.apply(SITE, [doc("x", "zebra")], [], 4)
    fulltext.rebuild(SITE, [doc("x", "zebra")], 5)
    assert (ids(fulltext, "zebra"), fulltext.revision(SITE)) == (["x"], 5)


def test_terms_keep_what_tells() -> None:
    assert [term.stem for term in query_terms("How do I return the boots, don't I?")] == ["return", "boot"]
    assert [term.word for term in query_terms("what is it")] == ["what", "is", "it"]
    assert [term.code for term in query_terms("AB-1234")] == ["ab-1234", None]
