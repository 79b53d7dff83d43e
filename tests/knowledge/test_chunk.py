"""Passages: cut along the structure, never across a heading, never above the ceiling, nothing lost."""

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidesk.knowledge import chunk as chunking
from minidesk.knowledge.chunk import CHARS_A_TOKEN, chunk_document, embedding_text
from minidesk.knowledge.parse.build import Builder, faq
from minidesk.knowledge.parse.formats import parse_path
from minidesk.knowledge.parse.markdown import parse_markdown
from minidesk.knowledge.records import ParsedDocument

SHOP = Path(__file__).parents[2] / "knowledge"


def count(text: str) -> int:
    """A tokenizer that marks start and end, and cuts words into pieces of at most six characters."""
    return 2 + sum(-(-len(word) // 6) for word in text.split())


def markdown(text: str) -> ParsedDocument:
    return parse_markdown(text, "x.md")[0]


def test_headings_become_the_path_and_sections_stay_apart() -> None:
    document = markdown(
        "# Returns\n\nIntro.\n\n## Window\n\nThirty days.\n\n### Sale\n\nFourteen days.\n\n## How do I return?\n\nBy post."
    )
    found = chunk_document(document, count, 100)
    assert [(c.heading_path, c.text, c.phrasings) for c in found] == [
        ((), "Intro.", ()),
        (("Window",), "Thirty days.", ()),
        (("Window", "Sale"), "Fourteen days.", ()),
        (("How do I return?",), "By post.", ("How do I return?",)),
    ]
    assert [c.ordinal for c in found] == [0, 1, 2, 3]


def test_neighbours_share_a_passage_up_to_the_ceiling() -> None:
    document = markdown("# T\n\n" + "\n\n".join(f"Paragraph {n} has six short words." for n in range(10)))
    found = chunk_document(document, count, 30)
    assert len(found) == 3  # 70 tokens: passages of about the same size instead of a crumb at the end
    assert max(count(c.text) for c in found) <= 30
    assert min(count(c.text) for c in found) >= 14


def test_a_list_stays_with_the_line_that_introduces_it() -> None:
    before = "A paragraph that fills the passage before the list nearly to its brim with words."
    document = markdown(
        f"# T\n\n{before}\n\nWe do not take back:\n\n- gas cartridges\n- opened meals\n- cut rope\n"
    )
    first, second = chunk_document(document, count, 24)
    assert first.text == before
    assert second.text == "We do not take back:\n\n- gas cartridges\n- opened meals\n- cut rope"


def test_tables_are_passages_of_their_own_cut_between_rows() -> None:
    rows = "\n".join(f"| Country {n} | {n} EUR |" for n in range(12))
    document = markdown(
        f"# T\n\nLong enough text before it.\n\nRates by country:\n\n| Country | Price |\n| --- | --- |\n{rows}\n\nAfter it."
    )
    found = chunk_document(document, count, 40)
    tables = found[1:-1]
    assert len(tables) > 1
    assert [c.kind for c in (found[0], *tables, found[-1])] == ["text", *["table"] * len(tables), "text"]
    assert found[1].text.startswith("Rates by country:\n\nCountry: Country 0 | Price: 0 EUR")
    lines = [line for c in tables for line in c.text.split("\n") if "|" in line]
    assert lines == [f"Country: Country {n} | Price: {n} EUR" for n in range(12)]


def test_an_faq_entry_is_one_passage() -> None:
    (found,) = chunk_document(
        faq("Where?", "Here. Or there.", external_id="#1", phrasings=("What place?",)), count, 50
    )
    assert (found.kind, found.question, found.phrasings, found.text) == (
        "faq",
        "Where?",
        ("What place?",),
        "Here. Or there.",
    )


def test_an_answer_that_is_too_long_is_cut_between_sentences() -> None:
    answer = " ".join(f"Sentence number {n} says one thing." for n in range(12))
    found = chunk_document(faq("Where?", answer, external_id="#1"), count, 30)
    assert len(found) > 1
    assert all(c.kind == "faq" and c.question == "Where?" and c.text.endswith(".") for c in found)


def test_a_heading_with_nothing_below_it_is_kept() -> None:
    document = markdown("# T\n\n## Closed on Mondays\n\n## Parking\n\nNone.")
    assert [(c.heading_path, c.text) for c in chunk_document(document, count, 50)] == [
        ((), "Closed on Mondays"),
        (("Parking",), "None."),
    ]


def test_the_page_is_the_one_where_the_passage_begins() -> None:
    builder = Builder()
    builder.paragraph("First page.", page=1)
    builder.heading("Two", 1, page=2)
    builder.paragraph("Second page.", page=2)
    assert [c.page for c in chunk_document(builder.build("T"), count, 50)] == [1, 2]


def words_of(text: str) -> int:
    """A tokenizer to which a word is one token, however long: models do so with words that they do not know."""
    return len(text.split())


def test_a_passage_has_a_ceiling_in_characters_too() -> None:
    zeros, ceiling = "0" * 60_000, 200 * CHARS_A_TOKEN
    long_words = "\n".join(f"{n}{'x' * 900}" for n in range(120))
    spaces = "a" + " " * 30_000 + "b"
    builder = Builder()
    builder.paragraph(f"The boot wax with code {zeros} keeps for 30 days.")
    builder.code(long_words)
    builder.code(spaces)
    document = builder.build("T")
    found = chunk_document(document, words_of, 200)
    assert max(len(chunk.text) for chunk in found) <= ceiling
    assert "".join("".join(chunk.text.split()) for chunk in found) == "".join(document.text.split())
    assert len(found) < 3 * len(document.text) / ceiling  # and they are not crumbs


def test_ordinary_documents_are_cut_as_without_that_ceiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every passage of every desk would be embedded again. The real tokenizer makes more tokens, never fewer."""
    documents = [
        document
        for path in sorted(SHOP.rglob("*"))
        if path.is_file() and path.suffix != ".jsonl"
        for document in parse_path(path, path.name, None, 10_000_000)
        if isinstance(document, ParsedDocument)
    ]
    assert len(documents) > 50
    for count_tokens in (words_of, count):
        for most in (40, 200):
            now = [chunk_document(document, count_tokens, most) for document in documents]
            with monkeypatch.context() as without:
                without.setattr(chunking, "CHARS_A_TOKEN", 1_000_000)
                assert now == [chunk_document(document, count_tokens, most) for document in documents]


def test_what_is_embedded_names_title_and_headings() -> None:
    assert embedding_text("Shipping", ("Rates", "Express"), "€14.90") == "Shipping / Rates / Express\n€14.90"
    assert embedding_text("", (), "€14.90") == "€14.90"
    assert len(embedding_text("T" * 300, ("H" * 300,), "x")) < 170


words = st.text(alphabet=string.ascii_letters + "äß.:!?-|0123456789", min_size=1, max_size=40)
texts = st.lists(words, min_size=1, max_size=40).map(" ".join)
calls = st.one_of(
    st.tuples(st.just("heading"), texts, st.integers(1, 4)),
    st.tuples(st.just("paragraph"), texts),
    st.tuples(st.just("item"), texts),
    st.tuples(st.just("code"), st.lists(texts, max_size=4).map("\n".join)),
    st.tuples(
        st.just("table"),
        st.none() | st.lists(words, min_size=1, max_size=4),
        st.lists(st.lists(texts, min_size=1, max_size=4), max_size=6),
    ),
)


@settings(max_examples=150)
@given(st.lists(calls, max_size=14), st.integers(4, 60))
def test_nothing_is_lost_and_nothing_is_too_long(given_calls: list[tuple[object, ...]], ceiling: int) -> None:
    builder = Builder()
    for name, *arguments in given_calls:
        getattr(builder, str(name))(*arguments)
    document = builder.build("T")
    found = chunk_document(document, count, ceiling)
    covered: set[int] = set()
    for chunk in found:
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.text == chunk.text.strip()
        assert chunk.text
        assert count(chunk.text) <= ceiling
        assert covered.isdisjoint(range(chunk.start, chunk.end))
        covered.update(range(chunk.start, chunk.end))
    paths = {heading for chunk in found for heading in chunk.heading_path}
    for block in document.blocks:
        text = document.text[block.start : block.end]
        if block.kind == "heading" and text[:200] in paths:
            continue
        assert all(at in covered for at in range(block.start, block.end) if not document.text[at].isspace())
