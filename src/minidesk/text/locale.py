"""The server's own words, in one JSON file a language. The widget and the console keep theirs beside them."""

import json
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable

FALLBACK = "en"


class Texts:
    """Texts by key and locale. A missing language or key falls back to English; a key that English lacks is a bug."""

    def __init__(self, catalogues: Mapping[str, Mapping[str, str | Mapping[str, str]]]) -> None:
        self._catalogues = catalogues

    @property
    def locales(self) -> tuple[str, ...]:
        """Languages there are, English first."""
        return (FALLBACK, *sorted(set(self._catalogues) - {FALLBACK}))

    def choose(self, *wanted: str | None) -> str:
        """The first language there is among `wanted`: tags such as `de-AT`, or an Accept-Language header."""
        for tags in wanted:
            for tag in (tags or "")[:200].split(","):
                language = tag.partition(";")[0].strip().lower().replace("_", "-").partition("-")[0]
                if language in self._catalogues:
                    return language
        return FALLBACK

    def t(self, key: str, locale: str | None, **values: object) -> str:
        """The text for `key` with its `{names}` filled in.

        Where the text has plural forms (`one`, `other`), the value `n` chooses. Raises KeyError for a key or
        a name that is not there.
        """
        own = self._catalogues.get(self.choose(locale), {})
        text = own[key] if key in own else self._catalogues[FALLBACK][key]
        if not isinstance(text, str):
            text = text["one" if values["n"] == 1 else "other"]
        return text.format(**values)


def load_texts(folder: Traversable | None = None) -> Texts:
    """All languages in `folder`, one JSON file each; without one, the lines that visitors are sent."""
    found = folder or resources.files("minidesk.text") / "locales"
    return Texts(
        {
            file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
            for file in found.iterdir()
            if file.name.endswith(".json")
        }
    )
