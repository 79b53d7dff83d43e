"""`minidesk …` through its real door: a process of its own, with a data folder of the test's."""

import os
import subprocess
import sys
from pathlib import Path

SECONDS = 100


def environment(data: Path, **more: str) -> dict[str, str]:
    """A developer's own settings must not decide a test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MINIDESK_")}
    return kept | {"MINIDESK_DATA_DIR": str(data)} | more


def minidesk(
    data: Path, *arguments: str, typed: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run one command on `data` to its end."""
    data.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "minidesk", *arguments],
        cwd=data.parent,
        env=environment(data, **settings),
        input=typed,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
