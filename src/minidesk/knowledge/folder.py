"""Files of a folder, with the public path that each gets."""

import os
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

    Hidden files and folders are passed over: nobody means to publish an editor's leftovers or a `.git`. A file that
    is named twice comes once. Files that would get the same path (`a/x.md b/x.md`) get theirs below the folder that
    they have in common, or the last one would silently replace the others.
    """
    by_path: dict[str, dict[Path, Path]] = {}  # path → the files, each by its one real name
    for below, file in _named(paths):
        by_path.setdefault(below, {}).setdefault(file.resolve(), file)
    for below, files in by_path.items():
        if len(files) == 1:
            yield FoundFile(below, *files.values())
            continue
        common = Path(os.path.commonpath([file.absolute().parent for file in files.values()]))
        for file in files.values():
            yield FoundFile(file.absolute().relative_to(common).as_posix(), file)


def _named(paths: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Each file with its path below what was named."""
    for top in paths:
        if top.is_file():
            yield top.name, top
            continue
        for file in sorted(top.rglob("*")):
            below = file.relative_to(top)
            if file.is_file() and not any(part.startswith(".") for part in below.parts):
                yield below.as_posix(), file
