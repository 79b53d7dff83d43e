"""In which language a document is, where nobody says it: by its words."""

import json

from minidesk.knowledge.parse.build import faq
from minidesk.knowledge.parse.html import parse_html
from minidesk.knowledge.parse.jsonl import parse_jsonl
from minidesk.knowledge.parse.markdown import parse_markdown

GERMAN = "Die Fäden ziehen wir nach einer Woche. Mit starken Schmerzen kommen Sie ohne Termin, und wir helfen Ihnen gern."
ENGLISH = "You can return what you bought from us within 30 days, and we refund the price to the card that you paid with."


def test_a_page_tells_its_language() -> None:
    assert parse_markdown(f"# Nach dem Eingriff\n\n{GERMAN}", "a.md")[0].language == "de"
    assert parse_markdown(f"# Returns\n\n{ENGLISH}", "a.md")[0].language == "en"
    assert parse_markdown("# Preise\n\nBleaching 390 €", "a.md")[0].language is None
    assert parse_html(f"<title>Returns</title><p>{ENGLISH}</p>", "a.html")[0].language == "en"


def test_what_the_document_says_itself_counts_more() -> None:
    assert parse_markdown(f"---\nlang: fr\n---\n{GERMAN}", "a.md")[0].language == "fr"
    assert parse_html(f'<html lang="de"><p>{ENGLISH}</p></html>', "a.html")[0].language == "de"


def test_an_entry_tells_its_language_with_its_question() -> None:
    entry = faq(
        "Wann werden die Fäden gezogen?", "Nach einer Woche, und das tut nicht weh.", external_id=None
    )
    assert entry.language == "de"
    assert faq("Parking?", "Yes.", external_id=None).language is None
    line = json.dumps({"id": "1", "title": "Returns", "text": ENGLISH})
    found = parse_jsonl(line, "a.jsonl")
    assert [getattr(one, "language", None) for one in found] == ["en"]
