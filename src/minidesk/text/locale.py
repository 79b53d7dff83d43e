"""The server's own words, in one JSON file a language. The widget and the console keep theirs beside them."""

import json
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable

FALLBACK = "en"
RIGHT_TO_LEFT = frozenset(("ar", "he"))

Words = str | Mapping[str, str]  # a text, or its plural forms by CLDR category


class Texts:
    """Texts by key and locale. A missing language or key falls back to English; a key that English lacks is a bug."""

    def __init__(self, catalogues: Mapping[str, Mapping[str, Words]]) -> None:
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

        Where the text has plural forms (`one`, `few`, … `other`), the value `n` chooses. Raises KeyError for a key or
        a name that is not there.
        """
        # Most callers name a language that there is; looking for one in a header costs as much as the text itself.
        language = locale if locale is not None and locale in self._catalogues else self.choose(locale)
        own = self._catalogues.get(language, {})
        text = own.get(key)
        if text is None:
            language, text = FALLBACK, self._catalogues[FALLBACK][key]
        if not isinstance(text, str):
            n = values["n"]
            form = plural_form(language, n) if isinstance(n, int) else "other"
            text = text.get(form, text["other"])
        return text.format(**values)

    def part(self, prefix: str, locale: str | None) -> dict[str, Words]:
        """All texts whose key begins with `prefix`, by the rest of their keys, for whoever fills them in elsewhere."""
        found: dict[str, Words] = {}
        for catalogue in (self._catalogues[FALLBACK], self._catalogues.get(self.choose(locale), {})):
            found |= {
                key.removeprefix(prefix): text for key, text in catalogue.items() if key.startswith(prefix)
            }
        return found


def direction(locale: str | None) -> str:
    """`rtl` for a language that is written from right to left, `ltr` otherwise."""
    return "rtl" if (locale or "").lower().partition("-")[0] in RIGHT_TO_LEFT else "ltr"


def plural_form(language: str, n: int) -> str:
    """The category of a whole number, by Unicode CLDR's plural rules (cardinals), for the languages there are.

    Their forms for millions are left out: nobody waits a million minutes.
    """
    match language:
        case "ja":
            return "other"
        case "fr" | "pt":
            return "one" if n in (0, 1) else "other"
        case "he":
            return {1: "one", 2: "two"}.get(n, "other")
        case "pl" if n != 1:
            return "few" if n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14) else "many"
        case "ar" if n in (0, 1, 2):
            return ("zero", "one", "two")[n]
        case "ar":
            return "few" if 3 <= n % 100 <= 10 else "many" if n % 100 >= 11 else "other"
        case _:
            return "one" if n == 1 else "other"


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
