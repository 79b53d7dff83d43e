"""A site's own texts in further languages: `language | which | text`, one a line of the settings.

`de | greeting | Grüß Gott`. What is not translated is said as the setting itself says it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from minidesk.errors import Invalid

# By the settings' names; each line of `quick_reply` is one of them.
TEXTS = ("greeting", "placeholder", "assistant_line", "launcher_text", "own_question", "consent_text")
QUICK_REPLY = "quick_reply"
PARTS = 3
# As the settings' own fields take them (sites.config).
_SHORT, _LINE = 80, 400
_SHORT_ONES = ("placeholder", "launcher_text", QUICK_REPLY)


@dataclass(frozen=True, slots=True)
class Translation:
    """One text in one language."""

    language: str
    which: str
    text: str


def parse_translation(line: str) -> Translation:
    """What a line says. Raises `Invalid` with how to write it."""
    parts = [part.strip() for part in line.split("|", PARTS - 1)]
    if len(parts) < PARTS or not parts[2]:
        raise Invalid("Write the language, which text, and the text, such as de | greeting | Guten Tag.")
    language, which, text = parts
    if not (len(language) == 2 and language.isascii() and language.isalpha()):
        raise Invalid("Begin with a language of two letters, such as de.")
    if which not in (*TEXTS, QUICK_REPLY):
        raise Invalid(f"Name the text as one of {', '.join((*TEXTS, QUICK_REPLY))}.")
    most = _SHORT if which in _SHORT_ONES else _LINE
    if len(text) > most:
        raise Invalid(f"Write a text of up to {most} characters.")
    return Translation(language.lower(), which, text)


def texts_in(lines: Sequence[str], language: str) -> dict[str, str]:
    """The translated texts of one language, by the settings' names."""
    found = (parse_translation(line) for line in lines)
    return {one.which: one.text for one in found if one.language == language and one.which != QUICK_REPLY}


def quick_replies_in(lines: Sequence[str], language: str) -> tuple[str, ...]:
    """The opening's choices in one language; none: they are not translated."""
    found = (parse_translation(line) for line in lines)
    return tuple(one.text for one in found if (one.language, one.which) == (language, QUICK_REPLY))


def all_of(lines: Sequence[str], which: str) -> tuple[str, ...]:
    """One text in every language that it is translated into."""
    return tuple(one.text for one in map(parse_translation, lines) if one.which == which)
