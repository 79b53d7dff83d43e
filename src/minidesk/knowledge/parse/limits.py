"""Ceilings of one file; beyond them it is refused as too complex (faults-and-threats, sections 0 and 4)."""

from dataclasses import dataclass

PAGES = 2_000
CHARS = 5_000_000  # extracted text of one file
ROWS = 200_000  # of a sheet or JSONL
COLUMNS = 200
FIELD_CHARS = 1_000_000  # of one cell or line
UNPACKED_BYTES = 200_000_000  # of a DOCX
RATIO = 100  # unpacked to packed
RATIO_FROM_BYTES = (
    10_000_000  # below this size a high ratio is harmless: tables of equal cells pack very well
)
MEMBERS = 2_000
TITLE_CHARS = 300  # the column's width


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What the child process may use for one file."""

    seconds: float  # wall clock and CPU
    memory_mb: int  # address space
    max_bytes: int  # of the file
