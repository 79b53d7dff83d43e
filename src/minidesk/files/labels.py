"""Names that others gave their files, made harmless before they are stored or shown (T7)."""

import re
import unicodedata

# Longest label; 120 is what a list in the console shows without breaking.
LABEL_CHARS = 120
# Longest path: the column's width.
PATH_CHARS = 500

_SLASHES = re.compile(r"[\\／＼⁄∕⧸]")  # what normalising, or a careless program, would turn into a slash
_FORBIDDEN = re.compile(
    r'[%:*?"<>|;；\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\u2060\ufeff\U000e0000-\U000e007f]'
)


def clean_label(name: str) -> str:
    """One file name as people see it: NFC, at most 120 characters, extension kept.

    Slashes, `:`, `%`, control and direction characters go, so that it can neither climb out of a folder nor
    look like another type. Never empty, and never used as a name on disk.
    """
    text = _SLASHES.sub("_", unicodedata.normalize("NFC", name)).replace("/", "_")
    text = "".join(
        c
        for c in _FORBIDDEN.sub("", text)
        if unicodedata.category(c) not in ("Cc", "Cs", "Cf", "Zl", "Zp") or c in "\u200c\u200d"
    )
    text = re.sub(r"\s+", " ", text).strip(" ")
    stem, dot, extension = text.rpartition(".")
    if dot and 0 < len(extension) <= 10:
        text = stem[: LABEL_CHARS - len(extension) - 1].rstrip() + "." + extension
    return text[:LABEL_CHARS].strip() or "file"


def clean_path(path: str) -> str:
    """A file's path below the ingested folder, which is also its public id: each part cleaned, `.` and `..` dropped."""
    parts = [clean_label(part) for part in _SLASHES.sub("/", path).split("/") if part.strip(" .")]
    return "/".join(parts)[-PATH_CHARS:].lstrip("/") or "file"
