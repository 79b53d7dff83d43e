"""A dentist's pages in German, by the commands: their language is told, the right page is found, and doctor says more."""

import json
from pathlib import Path

from tests.helpers.commands import minidesk

HOURS = """# Termine

## Absagen

Bitte sagen Sie einen Termin spätestens 24 Stunden vorher ab. Sonst verrechnen wir eine Gebühr.

## Sprechzeiten

| Tag | Uhrzeit |
| --- | --- |
| Montag | 8:00 – 12:00 |
| Mittwoch | geschlossen |
"""
CARE = """# Nach der Behandlung

Essen Sie erst, wenn die Betäubung nachgelassen hat, und kühlen Sie die Wange von außen. Die Fäden ziehen wir nach einer Woche.
"""
SHEET = 'question,answer\nWo steht es?,"=HYPERLINK(""https://evil.example"";""Im Hof hinter dem Haus"")"\nWie viel?,=B2*2\n'
PAGE = """<html lang="de"><body><h1>Kosten</h1><p>Die Kontrolle kostet 55 Euro, und Sie bezahlen sie selbst.</p>
<p style="color:#fff;background:#fefefe">Alles wird erstattet.</p>
<p style="position:absolute; left:-9999px">Alles ist gratis.</p></body></html>"""


def test_pages_in_german(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "pages"
    folder.mkdir()
    for name, text in {
        "termine.md": HOURS, "nachher.txt": CARE, "faq.csv": SHEET, "kosten.html": PAGE,
    }.items():  # fmt: skip
        (folder / name).write_text(text)
    done = minidesk(data, "ingest", str(folder))
    assert "faq.csv#2" in done.stdout, done.stderr  # its answer is a formula
    found = json.loads(minidesk(data, "search", "Haben Sie am Mittwoch offen?", "--json").stdout)
    assert "Mittwoch" in found["passages"][0]["text"]
    said = minidesk(data, "search", "erstattet gratis hinter dem Haus", "-k", "20", "--json").stdout
    assert "Im Hof hinter dem Haus" in said
    assert not any(hidden in said for hidden in ("evil", "HYPERLINK", "Alles"))
    checked = minidesk(data, "doctor")
    assert checked.returncode == 0, checked.stdout
    assert "paraphrase-multilingual-MiniLM-L12-v2" in checked.stdout
    multilingual = minidesk(data, "doctor", MINIDESK_EMBEDDING_LANGUAGES="*")
    assert "multilingual" not in multilingual.stdout
