"""In which language our own lines are said: the visitor's words tell it, else what stands around them."""

from collections.abc import Collection, Sequence
from functools import lru_cache

from minidesk.knowledge.records import Passage
from minidesk.text.language import language_of

# What a browser says by default: that a visitor's is English tells least about what they read.
EVERYWHERE = "en"
_PASSAGES, _CHARS = 10, 600  # enough to tell a language by


def of_pages(passages: Sequence[Passage], question: str) -> str | None:
    """The language of these passages: the question's, where some are in it, else that of most; None where they do not tell.

    CPU work of some milliseconds for pages that nobody has asked for lately.
    """
    told = [_of_page(f"{p.question or ''} {p.text[:_CHARS]}") for p in passages[:_PASSAGES]]
    counts = {language: told.count(language) for language in told if language is not None}
    asked = language_of(question)
    return asked if asked in counts else max(counts, key=lambda language: counts[language], default=None)


@lru_cache(maxsize=4_096)
def _of_page(text: str) -> str | None:
    """`language_of`, which takes half a millisecond: a turn asks it of the same pages several times, and so does the next."""
    return language_of(text)


def base(locale: str | None) -> str:
    """`de` of `de-AT`; empty where there is none."""
    return (locale or "").lower().replace("_", "-").partition("-")[0]


def spoken(
    told: str | None, locale: str | None, allowed: Sequence[str], known: Collection[str], pages: str | None
) -> str | None:
    """The locale our own lines are said in.

    As the visitor writes (`told`); else the conversation's, where it is not the one that all browsers have; else as the
    pages are written. Where the site names languages (`allowed`), only these, the first of them for all others.
    `known`: the languages we have lines in.
    """
    own = base(locale)
    if told is None and own in ("", EVERYWHERE) and pages in known:
        told = pages
    wanted = locale if told is None or told == own else told
    if allowed and base(wanted) not in allowed:
        return next((tag for tag in allowed if tag in known), wanted)
    return wanted
