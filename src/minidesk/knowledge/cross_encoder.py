"""A model that reads a question together with a passage, where the settings name one."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

log = logging.getLogger(__name__)


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
