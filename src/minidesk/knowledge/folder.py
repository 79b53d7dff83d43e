"""Files of a folder, with the public path that each gets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FoundFile:
    """`path` is the public one: below the ingested folder, with slashes, extension kept."""

    path: str
    file: Path


def files_of(paths: Iterable[Path]) -> Iterator[FoundFile]:
    """The files that `paths` name, and those below the folders among them, in order of their names.

    Hidden files and folders are passed over: nobody means to publish an editor's leftovers or a `.git`.
    """
    for top in paths:
        if top.is_file():
            yield FoundFile(top.name, top)
            continue
        for file in sorted(top.rglob("*")):
            below = file.relative_to(top)
            if file.is_file() and not any(part.startswith(".") for part in below.parts):
                yield FoundFile(below.as_posix(), file)
