"""Embeds texts with an ONNX copy of a sentence-transformers model (`model_copy.py`), run by ONNX Runtime with the
model's own tokenizer."""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from minidesk.knowledge.model_copy import WORD_VECTORS, WORDS, Manifest, model_copy, unusable
from minidesk.settings import Settings

# Rows of one run: with the lengths sorted, 8 beat 32 by a third (design, section 6)...
BATCH_ROWS = 8
# ...but single words, of so few tokens, are read in two thirds of the time by 64.
SHORT_TOKENS, SHORT_ROWS = 6, 64
# Padded tokens of one run: 8 × 256 held 60 MB more than 4 × 256 in ONNX Runtime's arena and was not faster.
BATCH_TOKENS = 1024
# A small page of repeated questions (retries, "try a question", several stages of one turn).
QUERY_CACHE = 256
# Questions that are being answered, whose tokens are asked for some milliseconds later: 30 kB each.
TOKENS_CACHE = 16

if TYPE_CHECKING:
    from tokenizers import Encoding

Floats = NDArray[np.float32]
T = TypeVar("T")
# Of one text: a unit vector for each token (tokens × dimensions of the transformer), and where each stands in it.
TokenVectors = tuple[Floats, NDArray[np.int32]]


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
        # Tokens are read as questions are, and compared with theirs.
        self.token_fingerprint = f"{manifest.checksum[:16]}-{manifest.recipe}-{queries or precision}"
        # Two, so that a question does not wait behind a document's passages.
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="embed")
        self._cache: OrderedDict[str, Floats] = OrderedDict()
        self._asked: OrderedDict[str, TokenVectors] = OrderedDict()
        self._words, self._word_vectors = _common_words(folder)

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
        rows = await self._in_halves(self._texts, texts)
        return np.stack(rows) if rows else np.empty((0, self.dimensions), np.float32)

    def _texts(self, texts: list[str]) -> Floats:
        out = np.empty((len(texts), self.dimensions), np.float32)
        unknown = []
        for i, text in enumerate(texts):
            if (row := self._words.get(text)) is None:
                unknown.append(i)
            else:
                out[i] = self._word_vectors[row]
        if unknown:
            out[unknown] = self.encode(
                [self._manifest.document_prefix + texts[i] for i in unknown], asked=True
            )
        return out

    async def query(self, text: str) -> Floats:
        """The vector of a question: float32 of shape (dimensions,). Do not write into it: it may be cached."""
        if (known := self._cache.get(text)) is not None:
            self._cache.move_to_end(text)
            return known
        found, tokens = await asyncio.get_running_loop().run_in_executor(self._pool, self._query, text)
        _remember(self._cache, text, found, QUERY_CACHE)
        if tokens is not None:
            _remember(self._asked, text, tokens, TOKENS_CACHE)
        return found

    def _query(self, text: str) -> tuple[Floats, TokenVectors | None]:
        """The vector, and the tokens' where these are read without a prefix as well: one run gives both."""
        if self._manifest.query_prefix:
            return self.encode([self._manifest.query_prefix + text], asked=True)[0], None
        (encoding,) = self._encoded(text)
        vectors, tokens = self._run(self._questions, [encoding.ids], "embedding", "tokens")
        return vectors[0], _of_tokens(encoding, tokens[0])

    def encode(self, texts: Sequence[str], *, asked: bool = False) -> Floats:
        """Vectors of `texts` as they are, computed in the calling thread; `asked`: as questions are read."""
        rows = [encoding.ids for encoding in self._encoded(*texts)]
        out = np.empty((len(rows), self.dimensions), np.float32)
        for group in _batches([len(row) for row in rows]):
            session = self._questions if asked else self._passages
            (out[group],) = self._run(session, [rows[i] for i in group], "embedding")
        return out

    async def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """What each token of each text means where it stands, as questions are read; without the tokens that only mark
        start and end. What is longer than the model reads is cut off."""
        known = {text: self._asked[text] for text in texts if text in self._asked}
        unknown = [text for text in texts if text not in known]
        known.update(zip(unknown, await self._in_halves(self._tokens, unknown), strict=True))
        return [known[text] for text in texts]

    async def _in_halves(self, work: Callable[[list[str]], Iterable[T]], texts: Sequence[str]) -> list[T]:
        """`work`'s results for `texts`, in two halves side by side: a visitor waits for them, and with one of two cores a
        third longer."""
        halves = [half for half in _halves([len(text) for text in texts]) if half]
        run = asyncio.get_running_loop().run_in_executor
        done = await asyncio.gather(*(run(self._pool, work, [texts[i] for i in half]) for half in halves))
        found = {
            i: one for half, ones in zip(halves, done, strict=True) for i, one in zip(half, ones, strict=True)
        }
        return [found[i] for i in range(len(texts))]

    def _tokens(self, texts: list[str]) -> list[TokenVectors]:
        found = []
        for encoding in self._encoded(*texts):
            (vectors,) = self._run(self._questions, [encoding.ids], "tokens")
            found.append(_of_tokens(encoding, vectors[0]))
        return found

    def _encoded(self, *texts: str) -> "list[Encoding]":
        """As the model reads them: cut off where its room ends, with its marks of start and end."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        for encoding in encodings:
            encoding.truncate(self._room)
        return [self._tokenizer.post_process(encoding, None, True) for encoding in encodings]

    def _run(self, session: "_Session", rows: list[list[int]], *outputs: str) -> list[Floats]:
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        inputs = {name: feed[name] for name in self._manifest.inputs}
        found: list[Floats] = session.opened().run(list(outputs), inputs, self._shrink)
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
    """Indexes in groups of like length, so that little is padded; none above BATCH_ROWS (SHORT_ROWS) or BATCH_TOKENS."""
    group: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        rows = BATCH_ROWS if group and lengths[group[0]] > SHORT_TOKENS else SHORT_ROWS
        if group and (len(group) == rows or (len(group) + 1) * lengths[group[0]] > BATCH_TOKENS):
            yield group
            group = []
        group.append(i)
    if group:
        yield group


def _common_words(folder: Path) -> tuple[dict[str, int], NDArray[np.float16]]:
    """Words whose vectors were made with the copy, and these, a row each; read from the disk as they are needed."""
    if not (folder / WORDS).exists():  # the copy is being made
        return {}, np.empty((0, 0), np.float16)
    words = (folder / WORDS).read_text("utf-8").split("\n")
    return {word: row for row, word in enumerate(words)}, np.load(folder / WORD_VECTORS, mmap_mode="r")


def _of_tokens(encoding: "Encoding", vectors: Floats) -> TokenVectors:
    """Unit vectors and places of what is no mark of start or end."""
    content = np.flatnonzero(np.asarray(encoding.special_tokens_mask) == 0)
    norms = np.linalg.norm(vectors[content], axis=1, keepdims=True)
    places = np.asarray(encoding.offsets, np.int32).reshape(-1, 2)[content]
    return vectors[content] / np.maximum(norms, 1e-9), places


def _remember(cache: OrderedDict[str, T], text: str, found: T, most: int) -> None:
    cache[text] = found
    while len(cache) > most:
        cache.popitem(last=False)


def _halves(lengths: Sequence[int]) -> tuple[list[int], list[int]]:
    """Indexes in two groups of like total length, the longest given out first."""
    groups: tuple[list[int], list[int]] = ([], [])
    totals = [0, 0]
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        lighter = totals.index(min(totals))
        groups[lighter].append(i)
        totals[lighter] += lengths[i]
    return groups


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


def _open(settings: Settings, given_up: threading.Event) -> Embedder:
    folder, manifest = model_copy(settings, given_up)
    try:
        return Embedder(
            folder,
            manifest,
            settings.embedding_precision,
            settings.embedding_threads,
            settings.embedding_query_precision,
        )
    except Exception as error:  # ONNX Runtime and tokenizers raise classes of their own for a damaged file
        raise unusable() from error
