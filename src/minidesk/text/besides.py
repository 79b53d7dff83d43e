"""What a sentence says besides one part of it: of "Can I talk to a person, my tent arrived torn" the tent.

Most who ask for a person say what for in the same breath. Who passes over the whole sentence passes over the matter.
"""

import re
from collections.abc import Callable

from minidesk.text.words import Span, content_stems

# Where a sentence can be parted: at its commas, and in front of its reason. No joint begins with a run of spaces: of 4,000
# in a row each would be tried with all behind it.
_JOINT = re.compile(
    r"[,;:–—]+\s*(?:(?:because|since|as|and|but|so|weil|denn|da|und|aber)\s+)?"
    r"|\s(?P<of>(?:because of|about|regarding|concerning|wegen)\s+)"
    r"|\s(?:because|since|and|but|weil|denn|und|aber|-+)\s+",
    re.IGNORECASE,
)
# Words with a meaning that make what is left a matter: "now" and "asap" alone are none, "about a refund" is.
_ENOUGH = 2
# A sentence of more parts is a list or a flood; to listen to each of them takes a millisecond.
_PARTS = 24


def besides(text: str, says: Callable[[str], bool]) -> Span | None:
    """The longer of what stands in front of and behind the parts for which `says` is true, with its place in `text`.

    None where it is true for no part, where nothing is left that says anything, and where there are too many parts.
    """
    # Where each part begins and ends, and whether it names a subject ("about …").
    parts: list[tuple[int, int, bool]] = []
    begin, names = 0, False
    for joint in _JOINT.finditer(text):
        parts.append((begin, joint.start(), names))
        begin, names = joint.end(), joint["of"] is not None
    parts.append((begin, len(text), names))
    if len(parts) > _PARTS:
        return None
    saying = [at for at, (start, end, _) in enumerate(parts) if says(text[start:end])]
    if not saying:
        return None
    left = [parts[saying[-1] + 1 :], parts[: saying[0]]]
    found: list[tuple[int, Span]] = []
    for some in filter(None, left):
        start, end = some[0][0], some[0][0] + len(text[some[0][0] : some[-1][1]].rstrip())
        meant = len(content_stems(text[start:end]))
        if meant >= (1 if some[0][2] else _ENOUGH):
            found.append((meant, Span(start, end, text[start:end])))
    return max(found, key=lambda one: one[0])[1] if found else None
