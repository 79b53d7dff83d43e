"""Which of our languages a visitor gets, and the widget's words in it."""

import json

from minidesk.sites import SiteView
from minidesk.text.locale import Texts, Words

WORDS = "widget."
LATER = "later."  # of what comes with the first message; most who open the chat never need them


def locale_for(texts: Texts, site: SiteView, *wanted: str | None) -> str:
    """The first of `wanted` (tags, or an Accept-Language header) that we speak; where the site names languages, one of these."""
    chosen = texts.choose(*wanted)
    if site.config.languages and chosen not in site.config.languages:
        return texts.choose(*site.config.languages)
    return chosen


def later_words(texts: Texts, locale: str) -> dict[str, Words]:
    """The words that do not come with the page."""
    return texts.part(LATER, locale)


def all_words(texts: Texts, locale: str) -> dict[str, Words]:
    """The words of the chat."""
    return texts.part(WORDS, locale) | later_words(texts, locale)


def words_json(texts: Texts, locale: str) -> str:
    """What the chat says before anything was said, as compact JSON for the page's attribute."""
    return json.dumps(texts.part(WORDS, locale), ensure_ascii=False, separators=(",", ":"))
