"""A small document in each format that can be uploaded, with an honest fact and a hostile sentence beside it."""

import csv
import html
import io
import json
from collections.abc import Callable

import docx

from tests.helpers.documents import pdf, workbook, zipped


def _markdown(title: str, fact: str, poison: str) -> bytes:
    return f"# {title}\n\n{fact}\n\n{poison}\n".encode()


def _text(title: str, fact: str, poison: str) -> bytes:
    return f"{title}\n\n{fact} {poison}\n".encode()


def _page(title: str, fact: str, poison: str) -> bytes:
    """The order once as text that is seen, once where only a parser looks."""
    shown = html.escape(poison)
    return (
        f"<html><head><title>{html.escape(title)}</title><meta name=description content='{html.escape(poison, quote=True)}'></head>"
        f"<body><h1>{html.escape(title)}</h1><p>{html.escape(fact)}</p><p>{shown}</p>"
        f"<div style='display:none;color:#fff'>{shown}</div></body></html>"
    ).encode()


def _csv(title: str, fact: str, poison: str) -> bytes:
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["Question", "Answer"])
    rows.writerow([f"What about the {title}?", f"{fact} {poison}"])
    return out.getvalue().encode()


def _jsonl(title: str, fact: str, poison: str) -> bytes:
    return json.dumps({"id": title.lower(), "title": title, "text": f"{fact} {poison}"}).encode()


def _json(title: str, fact: str, poison: str) -> bytes:
    return json.dumps([{"id": title.lower(), "title": title, "text": f"{fact}\n\n{poison}"}]).encode()


def _pdf(title: str, fact: str, poison: str) -> bytes:
    """The order in letters of half a point, as hidden text in a PDF is made."""
    shown = poison.encode("cp1252", "ignore").decode("cp1252")
    lines = [(72.0, 760.0, 18.0, title), (72.0, 720.0, 11.0, fact)]
    cut = [shown[at : at + 90] for at in range(0, len(shown), 90)]
    return pdf([[*lines, *((72.0, 700.0 - 14 * n, 8.0, part) for n, part in enumerate(cut))]])


def _word(title: str, fact: str, poison: str) -> bytes:
    document = docx.Document()
    document.core_properties.comments = poison[:200].encode("ascii", "ignore").decode()
    document.add_heading(title, level=1)
    document.add_paragraph(fact)
    hidden = document.add_paragraph().add_run("".join(c for c in poison if c.isprintable() or c == "\n"))
    hidden.font.hidden = True
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _excel(title: str, fact: str, poison: str) -> bytes:
    shown = "".join(c for c in poison if c.isprintable())
    return workbook(
        {"Lamps": [["Question", "Answer"], [f"What about the {title}?", fact], ["Note", f"'{shown}"]]}
    )


def _zip(title: str, fact: str, poison: str) -> bytes:
    return zipped([("page.md", _markdown(title, fact, poison))])


FORMATS: dict[str, Callable[[str, str, str], bytes]] = {
    "md": _markdown,
    "txt": _text,
    "html": _page,
    "csv": _csv,
    "jsonl": _jsonl,
    "json": _json,
    "pdf": _pdf,
    "docx": _word,
    "xlsx": _excel,
    "zip": _zip,
}
