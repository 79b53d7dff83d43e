"""What a sentence says besides one part of it: of "Can I talk to a person, my tent arrived torn" the tent.

Most who ask for a person say what for in the same breath. Who passes over the whole sentence passes over the matter.
"""

import re
from collections.abc import Callable

from minidesk.text.words import Span, content_stems

# Where a sentence can be parted: at its commas, and in front of its reason.
_JOINT = re.compile(
    r"\s*[,;:–—]+\s*(?:(?:because|since|as|and|but|so|weil|denn|da|und|aber)\s+)?"
    r"|\s+(?P<of>(?:because of|about|regarding|concerning|wegen)\s+)"
    r"|\s+(?:because|since|and|but|weil|denn|und|aber)\s+|\s+-+\s+",
    re.IGNORECASE,
)
# Words with a meaning that make what is left a matter: "now" and "asap" alone are none, "about a refund" is.
_ENOUGH = 2


def besides(text: str, says: Callable[[str], bool]) -> Span | None:
    """The longer of what stands in front of and behind the parts for which `says` is true, with its place in `text`.

    None where it is true for no part, or where nothing is left that says anything.
    """
    parts: list[
        tuple[int, int, bool]
    ] = []  # where it begins and ends, and whether it names a subject ("about …")
    begin, names = 0, False
    for joint in _JOINT.finditer(text):
        parts.append((begin, joint.start(), names))
        begin, names = joint.end(), joint["of"] is not None
    parts.append((begin, len(text), names))
    saying = [at for at, (start, end, _) in enumerate(parts) if says(text[start:end])]
    if not saying:
        return None
    left = [parts[saying[-1] + 1 :], parts[: saying[0]]]
    spans = [(some[0][0], some[-1][1], some[0][2]) for some in left if some]
    told = [
        (len(content_stems(text[start:end])), -at, Span(start, end, text[start:end]))
        for at, (start, end, names) in enumerate(spans)
        if len(content_stems(text[start:end])) >= (1 if names else _ENOUGH)
    ]
    return max(told, key=lambda one: one[:2])[2] if told else None
