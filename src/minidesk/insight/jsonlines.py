"""Files of JSON lines that people write: each line an object, or one sentence that names the line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minidesk.errors import Invalid


def objects_of(path: Path, what: str, code: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file with their line numbers, empty lines left out.

    `what` ends the sentence "Line 3 is …", `code` names the error. Raises Invalid where the file is no UTF-8 or a line no object.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise Invalid(
            f"{path.name} is no text in UTF-8. Save it as UTF-8, one JSON object a line.", code=code
        ) from problem
    except OSError as problem:
        raise Invalid(f"{path.name} cannot be read: {problem.strerror}.", code=code) from problem
    # Not splitlines(): it also splits at signs that may stand within a JSON string, such as U+2028.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            # A lone half of a pair cannot be stored, embedded or printed.
            json.dumps(row, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as problem:
            raise Invalid(f"Line {number} is {what}", code=code) from problem
        if not isinstance(row, dict):
            raise Invalid(f"Line {number} is {what}", code=code)
        yield number, row
