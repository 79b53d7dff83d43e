"""Days that a text speaks of without naming them: "Tue" is Tuesday, and "Tuesday to Friday" holds for Wednesday."""

import re
from functools import cache

ENGLISH = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
GERMAN = ("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag", "sonntag")
# With a capital only: "sat", "so" and "do" are words of their own; the shortest, where a list or a time goes on behind.
_SHORT_ENGLISH = ("Mon", "Tue|Tues", "Wed", "Thu|Thur|Thurs", "Fri", "Sat", "Sun")
_SHORT_GERMAN = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")
_GOES_ON = r"(?=\.?\s*(?:[-–—:,&/+|]|\d|to\b|through\b|and\b))"
_GOES_ON_GERMAN = r"(?=\.?\s*(?:[-–—:/+|]|\d|bis\b|und\b|u\.))"  # no comma: "So, …" opens sentences
_TO = re.compile(r"\.?\s*(?:[-–—]|to|through|till|until|bis)\s*", re.IGNORECASE)


@cache
def _pattern() -> re.Pattern[str]:
    forms = []
    for n in range(7):
        saturday = "|sonnabend" if n == 5 else ""
        forms.append(
            rf"(?P<d{n}>\b(?:(?i:{ENGLISH[n]}s?|{GERMAN[n]}s?{saturday})|(?:{_SHORT_ENGLISH[n]}){_GOES_ON}"
            rf"|(?:{_SHORT_GERMAN[n]}){_GOES_ON_GERMAN}|(?<=[-–—] )(?:{_SHORT_ENGLISH[n]}|{_SHORT_GERMAN[n]})"
            rf"|(?<=[-–—])(?:{_SHORT_ENGLISH[n]}|{_SHORT_GERMAN[n]}))\b)"
        )
    return re.compile("|".join(forms))


def weekdays(text: str) -> frozenset[str]:
    """The days that `text` means by a short form or between two others, in English and German, in lower case; those
    that it names in full alone are not looked for."""
    found: set[int] = set()
    plain = True
    last: re.Match[str] | None = None
    for match in _pattern().finditer(text):
        day = int(str(match.lastgroup)[1:])
        if match.group().lower().rstrip("s") not in (ENGLISH[day], GERMAN[day]):
            plain = False
        if last is not None and _TO.fullmatch(text, last.end(), match.start()):
            first = int(str(last.lastgroup)[1:])
            found.update((first + step) % 7 for step in range((day - first) % 7 + 1))
            plain = False
        found.add(day)
        last = match
    return frozenset() if plain else frozenset(name[day] for name in (ENGLISH, GERMAN) for day in found)
