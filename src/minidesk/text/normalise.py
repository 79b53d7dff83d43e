"""What text from outside looks like once it is inside: NFC, and without characters that nobody can see.

Invisible characters carry hidden instructions to a model (T20) and turn file names around. The joiners that
Persian, Hindi or an emoji family need are kept exactly where they shape something visible.
"""

import re
import unicodedata
from functools import lru_cache

from minidesk.errors import Invalid, InvalidText

# Canonical composition makes at most one character of four (U+1F82), so text longer than four times the limit
# cannot fit afterwards. Normalising first would let a run of a million unsorted marks cost quadratic time.
MAX_SHRINK = 4

_SURROGATE = re.compile("[\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?|[\x85\u2028\u2029]")
_ZWNJ, _ZWJ, _EMOJI_STYLE = "\u200c", "\u200d", "\ufe0f"
_MARKS = "\u200e\u200f\u061c"  # left-to-right, right-to-left and Arabic letter mark
_CONTEXTUAL = re.compile(f"[{_ZWNJ}{_ZWJ}{_EMOJI_STYLE}{_MARKS}]")
_DIRECTIONS = re.compile(f"[{_MARKS}]")
_VIRAMA = 9  # canonical combining class of the signs that join two consonants

# Format characters that are seen: Arabic and Kaithi signs that stand around a number.
_VISIBLE_FORMATS = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
# Not of category Cf, but just as invisible: fillers, selectors, Khmer inherent vowels, the grapheme joiner.
_INVISIBLE_OTHERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufffc")
_SELECTORS = ((0xFE00, 0xFE0E), (0xE0100, 0xE01EF))

# Scripts whose letters change shape at a joiner (blocks of Unicode).
_CURSIVE = (
    (0x0600, 0x08FF),
    (0x1800, 0x18AF),
    (0xFB50, 0xFDFF),
    (0xFE70, 0xFEFE),
    (0x10AC0, 0x10AFF),
    (0x1E900, 0x1E95F),
)
_BRAHMIC = (
    (0x0900, 0x109F),
    (0x1780, 0x17FF),
    (0x1900, 0x1CFF),
    (0xA800, 0xABFF),
    (0x10A00, 0x10A5F),
    (0x11000, 0x11FFF),
)
_PICTURES = (
    (0x1F000, 0x1FAFF),
    (0x2600, 0x27BF),
    (0x2190, 0x21FF),
    (0x2300, 0x23FF),
    (0x2B00, 0x2BFF),
    (0x25A0, 0x25FF),
)
_LONE_PICTURES = frozenset("©®‼⁉™ℹ〰〽㊗㊙Ⓜ⤴⤵🅰🅱")
_SKIN = (0x1F3FB, 0x1F3FF)
_KEYCAPS = frozenset("0123456789#*")


def check_text(raw: str, max_chars: int) -> str:
    """`raw` as it is stored: NFC, line ends as \\n, invisible characters removed, no white space at the edges.

    The length is counted after that, in code points. Raises `InvalidText` for NUL and lone surrogates, which
    no database can hold, and `Invalid` with code `message_too_long` above `max_chars`.
    """
    if "\0" in raw or _SURROGATE.search(raw):
        raise InvalidText
    text = remove_invisible(_LINE_ENDS.sub("\n", raw)).strip()
    if len(text) <= max_chars * MAX_SHRINK:
        text = unicodedata.normalize("NFC", text).strip()
    if len(text) > max_chars:
        raise Invalid(
            f"This text is too long. Shorten it to {max_chars} characters, or send it in parts.",
            code="message_too_long",
        )
    return text


def remove_invisible(text: str) -> str:
    """`text` without characters that cannot be seen, except where they shape what is seen. Never raises.

    Tabs and line feeds stay. Removing twice changes nothing more.
    """
    if text.isascii():
        return text if text.isprintable() else "".join(c for c in text if _is_kept(c))
    text = "".join(c for c in text if _is_kept(c))
    if not _CONTEXTUAL.search(text):
        return text
    if not any(_is_right_to_left(c) for c in text):
        text = _DIRECTIONS.sub("", text)
    kept: list[str] = []
    for at, char in enumerate(text):
        if not _CONTEXTUAL.match(char) or _is_needed(char, kept, text[at + 1 : at + 2]):
            kept.append(char)
    return "".join(kept)


def replace_surrogates(text: str) -> str:
    """`text` with each lone surrogate as U+FFFD and without NUL, for places that must show something whatever came."""
    return _SURROGATE.sub("\ufffd", text).replace("\0", "")


@lru_cache(maxsize=16_384)
def _is_kept(char: str) -> bool:
    """False for a character that is invisible wherever it stands."""
    if char in "\t\n" or _CONTEXTUAL.match(char) or char in _VISIBLE_FORMATS:
        return True
    code = ord(char)
    if char in _INVISIBLE_OTHERS or any(low <= code <= high for low, high in _SELECTORS):
        return False
    if (
        0x2065 <= code <= 0x206F
        or 0xFFF0 <= code <= 0xFFFB
        or 0xE0000 <= code <= 0xE0FFF
        or code & 0xFFFE == 0xFFFE
    ):
        return False
    return unicodedata.category(char) not in ("Cc", "Cf")


def _is_needed(char: str, before: list[str], following: str) -> bool:
    """Whether this joiner, selector or mark shapes something visible. Two in a row never do: they carry a message."""
    previous = before[-1] if before else ""
    if _CONTEXTUAL.match(previous) and not (previous == _EMOJI_STYLE and char == _ZWJ):
        return False
    if char in _MARKS:
        return True  # there is right-to-left text, or they would be gone
    if not previous:
        return False
    if char == _EMOJI_STYLE:
        return _is_picture(previous) or previous in _KEYCAPS
    if not following or _CONTEXTUAL.match(following):
        # A half form at a word's end, as older Malayalam and Sinhala write it.
        return char == _ZWJ and unicodedata.combining(previous) == _VIRAMA and not following
    if char == _ZWJ and _is_picture(following):
        return _is_picture(_base_of_picture(before))
    if _in(previous, _CURSIVE):
        return _in(following, _CURSIVE)
    if _in(previous, _BRAHMIC):
        return unicodedata.combining(previous) == _VIRAMA or _in(following, _BRAHMIC)
    return False


def _base_of_picture(before: list[str]) -> str:
    """The emoji that a skin tone or style selector at the end of `before` belongs to."""
    for char in reversed(before[-3:]):
        if char != _EMOJI_STYLE and not _in(char, (_SKIN,)):
            return char
    return ""


def _is_picture(char: str) -> bool:
    return bool(char) and (_in(char, _PICTURES) or char in _LONE_PICTURES)


def _is_right_to_left(char: str) -> bool:
    return unicodedata.bidirectional(char) in ("R", "AL") and char not in _MARKS


def _in(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= ord(char) <= high for low, high in ranges)


def whole_number(raw: str, digits: int = 9) -> int | None:
    """The number that `raw` is, of up to `digits` ASCII digits; None for anything else, a sign too.

    Python takes "²" and "٣" for digits, and thousands of them raise.
    """
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= digits else None


def clean_label(raw: str, max_chars: int = 120, *, empty: str = "file") -> str:
    """A file's name as it is shown: its last path part, without what could act as a path, a host or a header.

    A label names a file to a person; the file itself is stored under a name of ours (T7). The extension
    survives shortening. Never raises.
    """
    text = unicodedata.normalize("NFC", remove_invisible(replace_surrogates(raw[: max_chars * 40])))
    text = re.sub(r"%(?:[01][0-9a-f]|2[ef]|5c|3a|00)", "/", text, flags=re.IGNORECASE)
    # Compatibility forms such as ／ and ： become the real signs wherever somebody applies NFKC later.
    text = "".join("/" if set("/\\") & set(unicodedata.normalize("NFKC", c)) else c for c in text)
    text = re.split(r"/", text)[-1]
    text = "".join("_" if set(':*?"<>|%;') & set(unicodedata.normalize("NFKC", c)) else c for c in text)
    text = " ".join(text.split())
    while text and unicodedata.normalize("NFKC", text[0]) in (".", "..", "...", "-", " "):
        text = text[1:]
    text = text.rstrip(". ") or empty
    if len(text) > max_chars:
        stem, dot, extension = text.rpartition(".")
        keep = f".{extension}" if dot and stem and len(extension) <= 10 else ""
        text = text[: max_chars - len(keep)].rstrip(". ") + keep
    return text
