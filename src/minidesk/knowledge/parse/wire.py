"""How documents travel from the child process: JSON of plain lists, one length-prefixed message an answer."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from minidesk.errors import DocumentProblem, MinideskError, TooLarge, WrongType
from minidesk.knowledge.records import Block, PageLinks, ParsedDocument, Sitemap, SkippedDocument

PREFIX_BYTES = 8
# Five million characters of up to four bytes, with their blocks; a child that sends more is broken.
ANSWER_BYTES = 64_000_000

_ERRORS: dict[str, type[MinideskError]] = {
    "DocumentProblem": DocumentProblem,
    "WrongType": WrongType,
    "TooLarge": TooLarge,
}


def pack_documents(found: Sequence[ParsedDocument | SkippedDocument]) -> bytes:
    """The answer to a file that was read."""
    return _pack({"documents": [_from_document(item) for item in found]})


def pack_record(found: PageLinks | Sitemap) -> bytes:
    """The answer to a page or sitemap whose links were asked for."""
    return _pack({"record": asdict(found)})


def pack_error(error: MinideskError) -> bytes:
    """The answer to a file that was refused: kind, code and sentence."""
    return _pack({"error": [type(error).__name__, error.code, error.message]})


def unpack(answer: bytes) -> list[ParsedDocument | SkippedDocument]:
    """The documents of an answer; raises the error that it carries. A broken answer raises ValueError or KeyError."""
    return [_to_document(item) for item in _read(answer)["documents"]]


def unpack_record(answer: bytes) -> dict[str, Any]:
    """The fields of a PageLinks or Sitemap; raises as `unpack` does."""
    record: dict[str, Any] = _read(answer)["record"]
    return record


def _read(answer: bytes) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(answer)
    if "error" in data:
        kind, code, message = data["error"]
        raise _ERRORS[kind](message, code=code)
    return data


def _pack(data: dict[str, Any]) -> bytes:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return len(body).to_bytes(PREFIX_BYTES, "big") + body


def _from_document(item: ParsedDocument | SkippedDocument) -> list[Any]:
    if isinstance(item, SkippedDocument):
        return ["s", item.external_id, item.title, item.reason, item.failed]
    blocks = [[b.kind, b.start, b.end, b.level, b.page, b.header, b.numbered] for b in item.blocks]
    return [
        "d",
        item.external_id,
        item.title,
        item.text,
        blocks,
        item.question,
        list(item.phrasings),
        item.url,
        item.language,
        item.concealed,
    ]


def _to_document(item: list[Any]) -> ParsedDocument | SkippedDocument:
    if item[0] == "s":
        return SkippedDocument(*item[1:])
    external_id, title, text, blocks, question, phrasings, url, language, concealed = item[1:]
    return ParsedDocument(
        external_id,
        title,
        text,
        tuple(Block(*block) for block in blocks),
        question,
        tuple(phrasings),
        url,
        language,
        concealed,
    )
