"""Makes the ONNX copy of a sentence-transformers model, and checks it against the original. Loads torch: it is run as a
child process that ends, `python -m minidesk.knowledge.model_export MODEL FOLDER` (see `model_copy.py`)."""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.model_copy import (
    DEFAULT_MODEL,
    DEFAULT_SHA256,
    RECIPE,
    WORD_VECTORS,
    WORDS,
    Manifest,
    model_source,
    sha256_of,
    weights_checksum,
)

# Vectors of these are made beforehand: three to four seconds, 6 MB, and four of five words that pages use.
COMMON_WORDS = 8_000
# What is shorter is nearly always a stop word, which is compared with nothing.
SHORTEST_WORD = 3
# fp32 must be the same function; int8 a channel had a least cosine of .988 on 120 passages.
LEAST_COSINE = {"fp32": 0.999, "int8": 0.95}
_CHECK_SENTENCES = (
    "Hello",
    "How do I reset my password?",
    "Orders over 50 € ship free within Germany; returns are accepted for 30 days.",
    "The invoice number stands at the top right of the PDF that we sent with the parcel. " * 12,
)


def export(source: str, target: Path) -> Manifest:
    """Write ONNX copies (fp32, int8 a channel) of a sentence-transformers model, its tokenizer and a manifest into `target`.

    Runs in the child process. Raises ValueError where a copy does not agree with the original.
    """
    from sentence_transformers import SentenceTransformer

    # Eager attention: the exporter cannot follow the fused kind.
    model = SentenceTransformer(source, device="cpu", model_kwargs={"attn_implementation": "eager"}).eval()
    checksum = weights_checksum(Path(source)) if Path(source).is_dir() else _state_checksum(model)
    if source == model_source(DEFAULT_MODEL) and checksum != DEFAULT_SHA256:
        raise ValueError("the default model's weights are not the pinned ones")
    target.mkdir(parents=True)
    features = model.tokenizer(
        ["hello there my friend", "how do I reset my password"], padding=True, return_tensors="pt"
    )
    inputs = tuple(name for name in ("input_ids", "attention_mask", "token_type_ids") if name in features)

    plain = target / "plain.onnx"
    _write_plain(model, {name: features[name] for name in inputs}, plain)
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
        files={},
    )
    _check_agreement(target, manifest, lambda texts: model.encode(texts, normalize_embeddings=True))
    _write_words(target, manifest)
    manifest = replace(manifest, files={path.name: sha256_of(path) for path in sorted(target.iterdir())})
    (target / "manifest.json").write_text(json.dumps(asdict(manifest), indent=1))
    return manifest


def _write_plain(model: Any, features: Mapping[str, Any], plain: Path) -> None:
    """Model, pooling and normalisation as one ONNX graph; `features`: an example of what it is fed, by name."""
    import torch

    class Whole(torch.nn.Module):  # type: ignore[misc]  # torch's types are not followed (pyproject.toml)
        """Model, pooling and normalisation as one graph."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model  # as a part, or the exporter takes its weights for changing inputs

        def forward(self, *tensors: Any) -> Any:
            """Normalised sentence vectors, and token vectors as the transformer gives them."""
            found = self.model(dict(zip(features, tensors, strict=True)))
            return torch.nn.functional.normalize(found["sentence_embedding"], dim=1), found[
                "token_embeddings"
            ]

    axes = {name: {0: "rows", 1: "tokens"} for name in (*features, "tokens")} | {"embedding": {0: "rows"}}
    # The TorchScript exporter: the newer one (dynamo) fixes the number of rows of some poolings.
    torch.onnx.export(
        Whole(),
        tuple(features.values()),
        str(plain),
        input_names=list(features),
        output_names=["embedding", "tokens"],
        opset_version=17,
        dynamo=False,
        dynamic_axes=axes,
    )


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


def _write_words(target: Path, manifest: Manifest) -> None:
    """Vectors of common words, as `Embedder.texts` would compute them: the words of pages that a question meets are
    compared with its own, some 170 of them, and at a third of a millisecond each a visitor would wait for that."""
    words = common_words(Tokenizer.from_file(str(target / "tokenizer.json")).get_vocab())
    embedder = Embedder(target, manifest, "int8", 1)
    vectors = embedder.encode([manifest.document_prefix + word for word in words])
    embedder.close()
    np.save(target / WORD_VECTORS, vectors.astype(np.float16))
    (target / WORDS).write_text("\n".join(words), "utf-8")


def common_words(vocabulary: dict[str, int]) -> list[str]:
    """Whole words of a tokenizer's vocabulary (word → number): the first COMMON_WORDS of it, as it is sorted by frequency
    or nearly so. `##ing` is no word; the marks by which other tokenizers begin one are taken off."""
    bare = (token.lstrip("▁Ġ") for token in sorted(vocabulary, key=vocabulary.__getitem__))
    words = (word for word in bare if len(word) >= SHORTEST_WORD and word.isalpha() and word == word.lower())
    return list(islice(dict.fromkeys(words), COMMON_WORDS))


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
