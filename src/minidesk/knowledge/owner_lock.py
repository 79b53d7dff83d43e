"""Who may write the indexes of a data folder."""

import fcntl
from pathlib import Path
from typing import Any

from minidesk.errors import Conflict


class OwnerLock:
    """The right to write the indexes of a data folder: one process at a time, freed by the system even after kill -9."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "index.lock"
        self._file: Any = None

    def acquire(self) -> bool:
        """True if this object now holds the lock, False if another process (or object) does."""
        if self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let the next one in."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> "OwnerLock":
        if not self.acquire():
            raise Conflict(
                "Another minidesk process owns the indexes of this data folder. Stop it first, or use its console.",
                code="index_locked",
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
