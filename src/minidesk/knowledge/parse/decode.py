"""From bytes to characters: byte-order mark, UTF-8, then a guess."""

import codecs
import re

from minidesk.errors import DocumentProblem

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The guess looks at this much: more does not make it better, and it is the slow part.
_SAMPLE = 65_536
_DECLARED = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)


def decode(data: bytes, *, html: bool = False) -> str:
    """The text of `data`. Raises DocumentProblem `encoding_unknown` where no encoding fits.

    A page's own declaration is believed only if the bytes agree; many lie.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strict(data[len(mark) :] if encoding == "utf-8" else data, encoding)
    if b"\x00" in data[:4096]:
        wide = _wide(data)
        if wide:
            return _strict(data, wide)
    declared = _DECLARED.search(data[:4096]) if html else None
    for encoding in ("utf-8", declared.group(1).decode("ascii") if declared else ""):
        try:
            if encoding:
                return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue  # the declaration lies or names an encoding that nobody knows: guess
    return _strict(data, _guess(data))


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of mostly Latin text is zero."""
    sample = data[:4096]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = max(1, len(sample) // 2)
    if odd > 0.6 * half and even < 0.1 * half:
        return "utf-16-le"
    if even > 0.6 * half and odd < 0.1 * half:
        return "utf-16-be"
    return None


def _guess(data: bytes) -> str:
    """What charset-normalizer makes of a sample that holds the letters beyond ASCII; Windows Latin where it is torn between Latin ones."""
    import charset_normalizer

    first = next((i for i, byte in enumerate(data) if byte > 127), 0)
    sample = data[max(0, first - 1024) : first + _SAMPLE]
    control = sum(byte < 9 or 13 < byte < 32 for byte in sample)
    if control > len(sample) * 0.01:
        return ""
    # Western texts with few accents fit a dozen code pages; cp1252 is what European shops' tools write.
    latin = sum(
        byte
        in b"\x80\x84\x85\x91\x92\x93\x94\x95\x96\x97\xa0\xa3\xa7\xa9\xab\xae\xb0\xb1\xb2\xb4\xb7\xbb\xbc\xbd\xbe\xc0\xc4\xc5\xc7\xc8\xc9\xd6\xd8\xdc\xdf\xe0\xe1\xe2\xe4\xe5\xe6\xe7\xe8\xe9\xea\xeb\xec\xed\xee\xef\xf1\xf2\xf3\xf4\xf6\xf8\xf9\xfa\xfb\xfc"
        for byte in sample
    )
    high = sum(byte > 127 for byte in sample)
    if high and latin == high and high < len(sample) * 0.25:
        return "cp1252"
    best = charset_normalizer.from_bytes(sample).best()
    return best.encoding if best else ""


def _strict(data: bytes, encoding: str) -> str:
    try:
        if encoding:
            return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        pass  # the sentence below says what to do
    raise DocumentProblem(
        "The characters of this file could not be read. Save it again as UTF-8 and upload that copy.",
        code="encoding_unknown",
    )
