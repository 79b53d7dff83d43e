"""Which of our languages a visitor gets, and the widget's words in it."""

import json

from minidesk.sites import SiteView
from minidesk.text.locale import Texts

WORDS = "widget."


def locale_for(texts: Texts, site: SiteView, *wanted: str | None) -> str:
    """The first of `wanted` (tags, or an Accept-Language header) that we speak; where the site names languages, one of these."""
    chosen = texts.choose(*wanted)
    if site.config.languages and chosen not in site.config.languages:
        return texts.choose(*site.config.languages)
    return chosen


def words_json(texts: Texts, locale: str) -> str:
    """The widget's words as compact JSON, for the page's attribute."""
    return json.dumps(texts.part(WORDS, locale), ensure_ascii=False, separators=(",", ":"))
