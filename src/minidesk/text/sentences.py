"""What errors say in other languages than English, by their codes (`text/errors/*.json`).

The sentence that stands where an error is raised is English and may name what is wrong; a code without a sentence here
keeps it. German has those of the console too, the other languages what a visitor can meet.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

from minidesk.errors import SAID_BY_CODE
from minidesk.text.locale import FALLBACK, Texts


def speak_errors(*wanted: str | None) -> None:
    """Errors of this request speak the first language of `wanted` (tags, or an Accept-Language header) that there is."""
    tables = _tables()
    language = Texts(tables).choose(*wanted)
    SAID_BY_CODE.set(tables[language].get)


@cache
def _tables() -> Mapping[str, Mapping[str, str]]:
    folder = resources.files("minidesk.text") / "errors"
    return {FALLBACK: {}} | {
        file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".json")
    }
