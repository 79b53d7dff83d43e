"""The browser code that Vite built: which hashed files an entry of its manifest stands for."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidesk.errors import NotFound, Unavailable

BASE = "/static/dist/"
DIST = Path(__file__).parent / "static" / "dist"  # where Vite writes, and what the wheel carries


@dataclass(frozen=True, slots=True)
class Entry:
    """What a page must load: paths from the server's root."""

    script: str
    styles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A script's bytes, with the tag by which a browser asks whether it changed."""

    content: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class _Build:
    stamp: int
    manifest: dict[str, Any]
    files: dict[str, Path]


class Assets:
    """Reads the manifest when it is first needed, and again when a new build has replaced it."""

    def __init__(self, dist: Path) -> None:
        self._dist = dist
        self._build: _Build | None = None

    def entry(self, name: str) -> Entry:
        """The files of an entry such as `src/chat/main.tsx`. Raises `Unavailable` where the browser code was not built."""
        manifest = self._read().manifest
        if name not in manifest:
            raise _not_built()
        return Entry(
            BASE + manifest[name]["file"], tuple(BASE + file for file in _styles(manifest, name, set()))
        )

    def file(self, path: str) -> Path:
        """A built file. Looked up in the list of files there are, so that no request's text ever becomes a path (V13)."""
        found = self._read().files.get(path)
        if found is None:
            raise NotFound
        return found

    def script(self, name: str) -> Script:
        """The bytes of an entry's script, for an address that stays the same from build to build."""
        return script_of(self.file(self.entry(name).script.removeprefix(BASE)).read_bytes())

    def _read(self) -> _Build:
        path = self._dist / ".vite" / "manifest.json"
        try:
            stamp = path.stat().st_mtime_ns
            if self._build is None or self._build.stamp != stamp:
                self._build = _Build(stamp, json.loads(path.read_text(encoding="utf-8")), _files(self._dist))
        except (OSError, ValueError) as error:
            raise _not_built() from error
        return self._build


def script_of(content: bytes) -> Script:
    """A script with its tag."""
    return Script(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _not_built() -> Unavailable:
    return Unavailable(
        "The browser code was not built. Run `python hatch_build.py` in the checkout, then reload.",
        code="assets_missing",
    )


def _styles(manifest: dict[str, Any], name: str, seen: set[str]) -> list[str]:
    """Style sheets of an entry and of all it imports, each once, imports first."""
    if name in seen:
        return []
    seen.add(name)
    found: list[str] = []
    for imported in manifest[name].get("imports", ()):
        found += _styles(manifest, imported, seen)
    return list(dict.fromkeys([*found, *manifest[name].get("css", ())]))


def _files(dist: Path) -> dict[str, Path]:
    found = {}
    for folder, folders, names in os.walk(dist):
        folders[:] = [
            name for name in folders if not name.startswith(".")
        ]  # Vite's own notes are not for the web
        for name in names:
            path = Path(folder, name)
            found[path.relative_to(dist).as_posix()] = path
    return found
