"""Measures triage on public question sets: `python -m tests.benchmarks.triage_evals FOLDER`.

`dialogsum/dialogues.jsonl`: the issue sentence of a summary without a model, against people's summaries, by ROUGE.
`banking77`, `clinc150` (`train.jsonl`, `test.jsonl`): how often a message's class is found from 10 examples of each: by
likeness to the mean of a class, and by a logistic regression on the same vectors. What the product does today, likeness to
a team's description, needs no examples; these say what examples would be worth.

ROUGE is computed here: words in lower case, [a-z0-9]+, Porter-like stems (Snowball's English) for words of more than 3
letters; R1 and R2 are F1 of counted n-grams, RL F1 of the longest common subsequence; the mean over a dialogue's
references, then over dialogues. The package rouge-score does the same with Porter's own stemmer; the two differ by a few
hundredths of a point.
"""

import argparse
import asyncio
import json
import random
import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import snowballstemmer
from numpy.typing import NDArray

from minidesk.conversations import MessageView
from minidesk.knowledge.embed import Embedder, open_embedder
from minidesk.settings import load_settings
from minidesk.tickets.triage import triage

Floats = NDArray[np.float32]
EXAMPLES, SEEDS = 10, 5
# Of the regression: steps with all examples, their length, and what large weights cost (1 an example in all, as C = 1).
STEPS, RATE, DECAY = 200, 0.1, 1e-3
_STEM = snowballstemmer.stemmer("english")


def stems(text: str) -> list[str]:
    """The words that ROUGE counts."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return [_STEM.stemWord(word) if len(word) > 3 else word for word in words]


def f1(shared: int, found: int, wanted: int) -> float:
    """Of counts."""
    return 2 * shared / (found + wanted) if found + wanted else 0.0


def rouge(found: str, wanted: str) -> tuple[float, float, float]:
    """ROUGE-1, -2 and -L as F1."""
    a, b = stems(found), stems(wanted)
    scores = []
    for n in (1, 2):
        grams = [Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for words in (a, b)]
        scores.append(f1((grams[0] & grams[1]).total(), grams[0].total(), grams[1].total()))
    row = [0] * (len(b) + 1)
    for word in a:
        before = 0
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], before + 1 if word == other else max(row[j], row[j - 1])
    return scores[0], scores[1], f1(row[-1], len(a), len(b))


def message(seq: int, author: str, text: str) -> MessageView:
    """A turn as triage reads it."""
    return MessageView(
        id=f"m{seq}", seq=seq, author=author, name=None, text=text, at=datetime(2026, 3, 2, tzinfo=UTC),  # type: ignore[arg-type]  # one of two words
        state="done", attempt=1, client_id=None, reply_to=None, outcome=None, kind=None, citations=(),
        offer_person=False, choices=(), helpful=None,
    )  # fmt: skip


def issue_of(dialogue: Sequence[dict[str, str]]) -> str:
    """The issue sentence alone. Who speaks first is taken for the customer."""
    customer = dialogue[0]["speaker"]
    turns = [
        message(n, "visitor" if turn["speaker"] == customer else "agent", turn["text"])
        for n, turn in enumerate(dialogue, 1)
    ]
    found = triage(turns, reason="customer_request")
    return next((e.text for e in found.evidence if e.part == "issue"), "")


def measure_summaries(file: Path) -> None:
    """Prints ROUGE of the issue sentence, and of two simple summaries beside it."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    scores: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for line in lines:
        turns = line["dialogue"]
        summaries = {
            "issue sentence": issue_of(turns),
            "first three turns": " ".join(turn["text"] for turn in turns[:3]),
            "first turn and the other's longest": f"{turns[0]['text']} {_longest_of_other(turns)}",
        }
        for name, text in summaries.items():
            each = [rouge(text, wanted) for wanted in line["summaries"]]
            scores[name].append(tuple(statistics.mean(one) for one in zip(*each, strict=True)))
    for name, found in scores.items():
        values = "/".join(f"{100 * statistics.mean(one):.1f}" for one in zip(*found, strict=True))
        print(f"dialogsum, {name}: ROUGE-1/2/L {values} ({len(found)} dialogues)")


def _longest_of_other(turns: Sequence[dict[str, str]]) -> str:
    others = [turn["text"] for turn in turns if turn["speaker"] != turns[0]["speaker"]]
    return max(others, key=lambda text: len(text.split()), default="")


def fitted(vectors: Floats, labels: NDArray[np.int64], classes: int) -> Floats:
    """Weights (classes, dimensions + 1) of a multinomial logistic regression."""
    x = np.hstack([vectors, np.ones((len(vectors), 1), np.float32)])
    y = np.eye(classes, dtype=np.float32)[labels]
    weights = np.zeros((classes, x.shape[1]), np.float32)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):  # Adam
        z = x @ weights.T
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        slope = (p - y).T @ x / len(x) + DECAY * weights
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        weights -= RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


async def measure_routing(folder: Path, embedder: Embedder, key: str) -> None:
    """Prints the accuracy from the first rows in file order, and the mean over SEEDS drawings."""
    train, test = ([json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
                   for name in ("train", "test"))  # fmt: skip
    test = [row for row in test if row["label"] != "oos"]
    train = [row for row in train if row["label"] != "oos"]
    names = sorted({row[key] for row in train})
    number = {name: n for n, name in enumerate(names)}
    vectors = np.asarray(await embedder.documents([row["text"] for row in train]))
    asked = np.asarray(await embedder.documents([row["text"] for row in test]))
    wanted = np.array([number[row[key]] for row in test])
    found: dict[str, list[float]] = defaultdict(list)
    for seed in range(SEEDS + 1):
        order = list(range(len(train)))
        if seed:
            random.Random(seed).shuffle(order)
        kept: dict[str, list[int]] = defaultdict(list)
        for at in order:
            if len(kept[train[at][key]]) < EXAMPLES:
                kept[train[at][key]].append(at)
        rows = [at for name in names for at in kept[name]]
        labels = np.array([number[train[at][key]] for at in rows])
        means = np.stack([vectors[kept[name]].mean(axis=0) for name in names])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        weights = fitted(vectors[rows], labels, len(names))
        for name, scores in (
            ("nearest mean", asked @ means.T),
            ("regression", asked @ weights[:, :-1].T + weights[:, -1]),
        ):
            found[name].append(float((scores.argmax(axis=1) == wanted).mean()))
    for name, shares in found.items():
        print(f"{folder.name} {key}s ({len(names)}), {name}: {shares[0]:.3f} first rows, "
              f"{statistics.mean(shares[1:]):.3f} mean of {SEEDS} seeds ({len(test)} messages)")  # fmt: skip


async def main() -> None:
    """All sets that are there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    began = time.perf_counter()
    measure_summaries(folder / "dialogsum" / "dialogues.jsonl")
    embedder = await open_embedder(load_settings(embedding_threads=1))
    for name, key in (("banking77", "label"), ("clinc150", "label"), ("clinc150", "team")):
        await measure_routing(folder / name, embedder, key)
    embedder.close()
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    asyncio.run(main())
