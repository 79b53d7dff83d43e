"""JSON and JSONL: a document an object or a line, with its own id; question sets are told apart and skipped."""

import json
from typing import Any

from minidesk.errors import DocumentProblem
from minidesk.knowledge.parse.build import Builder, clean, faq, squeeze
from minidesk.knowledge.parse.limits import FIELD_CHARS, ROWS
from minidesk.knowledge.parse.markdown import parse_markdown
from minidesk.knowledge.records import ParsedDocument, SkippedDocument
from minidesk.text.language import written_in

QUESTION_SET = "a question set, not knowledge"
CONVERSATIONS = "conversations to be played, not knowledge"
_MARKS_OF_A_SET = ("relevant", "answerable", "outcome")
_ALTERNATES = ("questions", "phrasings", "alternates", "alternatives", "variants")
_BODIES = ("answer", "text", "content", "body")
_PHRASINGS = 100  # of one entry; real FAQ entries have a few dozen at most
_SIGNS = ("\n#", "\n- ", "\n* ", "\n1. ", "\n|", "\n\n")


def parse_jsonl(text: str, name: str) -> list[ParsedDocument | SkippedDocument]:
    """`{"id", "title", "text", "questions"?}` or `{"question", "answer"}` a line; a line that cannot be used is named and left out.

    A question set (`question` with `relevant`, `answerable` or `outcome`) comes back as one SkippedDocument, and so do
    conversations for `simulate` (`goal` with `opening`).
    """
    found: list[ParsedDocument | SkippedDocument] = []
    seen: set[str] = set()
    number = 0
    for position, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        number += 1
        if number > ROWS:
            raise DocumentProblem(
                f"This file has more than {ROWS:,} lines. Split it into several files and upload those.",
                code="document_too_complex",
            )
        entry = _entry(line)
        if isinstance(entry, str):
            found.append(_bad(position, number, entry))
        elif number == 1 and _is_question(entry):
            return [SkippedDocument(None, name, QUESTION_SET)]
        elif number == 1 and {"goal", "opening"} <= entry.keys():
            return [SkippedDocument(None, name, CONVERSATIONS)]
        else:
            found.append(_document(entry, position, number, seen))
    if not found:
        raise DocumentProblem(
            "This file holds no lines. Check that you saved it, and upload it again.", code="file_empty"
        )
    return found


def parse_json(text: str, name: str) -> list[ParsedDocument | SkippedDocument]:
    """An array of entries as `parse_jsonl` takes them, an object that holds one such array, or one entry alone.

    Raises DocumentProblem `document_unreadable` for anything else.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        if "Extra data" in str(error) and text.lstrip().startswith("{"):
            return parse_jsonl(text, name)  # an object a line under another name, as many programs write it
        raise DocumentProblem(
            "This file is not valid JSON. Check it with the program that made it, and upload it again."
        ) from error
    entries = _entries(data)
    if len(entries) > ROWS:
        raise DocumentProblem(
            f"This file has more than {ROWS:,} entries. Split it into several files and upload those.",
            code="document_too_complex",
        )
    found: list[ParsedDocument | SkippedDocument] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            found.append(_bad(number, number, "is not an object. Write it with id, title and text.", "Entry"))
        elif number == 1 and _is_question(entry):
            return [SkippedDocument(None, name, QUESTION_SET)]
        else:
            found.append(_document(entry, number, number, seen, "Entry"))
    if not found:
        raise DocumentProblem(
            "This file holds no entries. Check that you saved it, and upload it again.", code="file_empty"
        )
    return found


def _entries(data: Any) -> list[Any]:
    """The one list of objects in `data`; an object that has a text of its own is an entry itself."""
    if isinstance(data, list):
        return data
    if _text(data, *_BODIES):
        return [data]
    lists = [value for value in data.values() if isinstance(value, list) and _holds_objects(value)]
    if len(lists) == 1:
        return lists[0]
    raise DocumentProblem(
        "This file holds no single list of entries. Write one array of objects with id, title and text."
    )


def _holds_objects(values: list[Any]) -> bool:
    return any(isinstance(value, dict) for value in values)


def _bad(position: int, number: int, why: str, noun: str = "Line") -> SkippedDocument:
    return SkippedDocument(f"#{number}", f"{noun} {position}", f"{noun} {position} {why}", failed=True)


def _entry(line: str) -> dict[str, Any] | str:
    if len(line) > FIELD_CHARS:
        return f"has more than {FIELD_CHARS:,} characters. Split it into several entries."
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return "is not valid JSON. Write one object a line."
    return (
        entry
        if isinstance(entry, dict)
        else "is not an object. Write one object with id, title and text a line."
    )


def _is_question(entry: dict[str, Any]) -> bool:
    return (
        "question" in entry
        and any(mark in entry for mark in _MARKS_OF_A_SET)
        and "answer" not in entry
        and "text" not in entry
    )


def _document(
    entry: dict[str, Any], position: int, number: int, seen: set[str], noun: str = "Line"
) -> ParsedDocument | SkippedDocument:
    own = entry.get("id", entry.get("external_id"))
    external_id = squeeze(str(own))[:400] if isinstance(own, str | int) and not isinstance(own, bool) else ""
    if external_id and external_id in seen:
        return _bad(
            position,
            number,
            f"has the id {external_id[:80]}, which another one has already. Give each its own.",
            noun,
        )
    seen.add(external_id)
    title, question = _text(entry, "title", "name"), _text(entry, "question")
    text = _text(entry, *_BODIES)
    if not text.strip():
        return _bad(position, number, "has no text. Fill in `text`, or `question` and `answer`.", noun)
    asked = question or (title if squeeze(title).endswith("?") else "")
    common = {
        "external_id": external_id or f"#{number}",
        "url": _text(entry, "url") or None,
        "language": _text(entry, "language", "lang")[:8] or written_in(f"{question} {text}"),
    }
    phrasings = _phrasings(entry, asked)
    if asked and not any(sign in text for sign in _SIGNS):
        return faq(asked, text, title=title or None, phrasings=phrasings, **common)
    # An entry may hold Markdown; its headings and lists are worth reading as such.
    blocks = (
        parse_markdown(text, title)[0]
        if any(sign in text for sign in _SIGNS) and not text.startswith("---")
        else None
    )
    if blocks and blocks.text:
        return ParsedDocument(
            title=squeeze(title or asked or blocks.title)[:300],
            text=blocks.text,
            blocks=blocks.blocks,
            question=asked or None,
            phrasings=phrasings,
            external_id=common["external_id"],
            url=common["url"],
            language=common["language"],
        )
    builder = Builder()
    builder.paragraph(text)
    return builder.build(
        title or asked or squeeze(text)[:80], question=asked or None, phrasings=phrasings, **common
    )


def _text(entry: dict[str, Any], *keys: str) -> str:
    for key in keys:
        value = entry.get(key)
        if isinstance(value, str) and value.strip():
            return clean(value)
    return ""


def _phrasings(entry: dict[str, Any], asked: str) -> tuple[str, ...]:
    given: list[Any] = next((entry[key] for key in _ALTERNATES if isinstance(entry.get(key), list)), [])
    texts = dict.fromkeys(squeeze(item)[:500] for item in given[:_PHRASINGS] if isinstance(item, str))
    return tuple(text for text in texts if text and text != asked)
