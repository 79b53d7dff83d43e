"""What a site's launcher says by itself: `page | seconds | percent | text`, one rule a line of the settings.

`page` is a path such as `/boots/*`, or a whole address; `*` stands for anything. The text is shown once a visitor, after
so many seconds on a page that fits and once so much of it was scrolled through. The browser does all of it.
"""

from dataclasses import dataclass

from minidesk.errors import Invalid

LONGEST_WAIT = 3600  # a visitor who stays longer has left the page open
WHOLE = 100
TEXT_CHARS, PAGE_CHARS = 300, 500
PARTS = 4


@dataclass(frozen=True, slots=True)
class Nudge:
    """A rule."""

    page: str
    seconds: int
    percent: int
    text: str


def parse_nudge(line: str) -> Nudge:
    """The rule that a line says. Raises `Invalid` with how to write it."""
    parts = [part.strip() for part in line.split("|", PARTS - 1)]
    if len(parts) < PARTS:
        raise Invalid(
            "Write the page, seconds, percent and the text, such as /boots/* | 20 | 0 | Which size fits?"
        )
    page, seconds, percent, text = parts
    if not page.startswith(("/", "https://", "http://")) or len(page) > PAGE_CHARS or " " in page:
        raise Invalid("Begin with a path such as /boots/*, or /* for every page.")
    if not text or len(text) > TEXT_CHARS:
        raise Invalid(f"Write a text of up to {TEXT_CHARS} characters after the numbers.")
    return Nudge(page, _number(seconds, LONGEST_WAIT, "seconds"), _number(percent, WHOLE, "percent"), text)


def _number(raw: str, most: int, unit: str) -> int:
    if not (raw.isascii() and raw.isdecimal()) or len(raw) > len(str(most)) or int(raw) > most:
        raise Invalid(f"Write the {unit} as a whole number from 0 to {most}.")
    return int(raw)
