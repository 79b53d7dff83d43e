"""Measures triage on public question sets: `python -m tests.benchmarks.triage_evals FOLDER`.

`dialogsum/dialogues.jsonl`: the issue sentence of a summary without a model, against people's summaries, by ROUGE.
`banking77`, `clinc150`, `dstc11_insurance` (`train.jsonl`, `test.jsonl`): how often the product's own learner finds a
message's class from 10 examples of each, without and with the classes' names as their descriptions.

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

from minidesk.answering.anger import anger_in
from minidesk.conversations import MessageView
from minidesk.knowledge.embed import Embedder, open_embedder
from minidesk.settings import load_settings
from minidesk.tickets.learn import Description, Example, Learned
from minidesk.tickets.triage import triage

EXAMPLES, SEEDS = 10, 5
_OFFERS_HELP = re.compile(r"help you|what can i do for you|customer service|what seems to be", re.IGNORECASE)
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


def customer_of(dialogue: Sequence[dict[str, str]]) -> str:
    """Who speaks first, unless they offer help."""
    first = dialogue[0]["speaker"]
    others = [turn["speaker"] for turn in dialogue if turn["speaker"] != first]
    return others[0] if others and _OFFERS_HELP.search(dialogue[0]["text"]) else first


def lines_of(dialogue: Sequence[dict[str, str]], *, named: bool) -> tuple[str, str]:
    """What a ticket's summary says of the visitor: the issue, and the issue with what they want."""
    customer = customer_of(dialogue)
    turns = [
        message(n, "visitor" if turn["speaker"] == customer else "agent", joined_up(turn["text"]))
        for n, turn in enumerate(dialogue, 1)
    ]
    found = triage(turns, reason="customer_request", anger_in=anger_in, visitor=customer if named else None)
    lines = found.summary.splitlines()[:-1]  # the last says why a person is wanted
    return "".join(lines[:1]), " ".join(lines)


def joined_up(text: str) -> str:
    """The set writes "I ' m" for "I'm"."""
    return re.sub(r" ?(['’]) ?(?=(?:s|t|m|re|ve|ll|d)\b)", r"\1", text, flags=re.IGNORECASE)


def measure_summaries(file: Path) -> None:
    """Prints ROUGE of the issue's line and of all that is said of the visitor, and of two simple summaries beside it.

    `named`: as the people's summaries do, by the speaker's name, which a ticket has where the visitor gave it.
    """
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    scores: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for line in lines:
        turns = line["dialogue"]
        issue, both = lines_of(turns, named=False)
        issue_named, both_named = lines_of(turns, named=True)
        summaries = {
            "issue": issue,
            "issue and wish": both,
            "issue, named": issue_named,
            "issue and wish, named": both_named,
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


def drawn(train: Sequence[dict[str, str]], key: str, seed: int) -> list[int]:
    """EXAMPLES rows of each class: the first of the file for seed 0, else of the shuffled file."""
    order = list(range(len(train)))
    if seed:
        random.Random(seed).shuffle(order)
    kept: dict[str, list[int]] = defaultdict(list)
    for at in order:
        if len(kept[train[at][key]]) < EXAMPLES:
            kept[train[at][key]].append(at)
    return [at for rows in kept.values() for at in rows]


async def measure_routing(folder: Path, embedder: Embedder, key: str, *, described: bool) -> None:
    """Prints the product's accuracy from the first rows in file order, and the mean over SEEDS drawings.

    `described`: the classes' names stand where teams have descriptions. Also how well a message of no class (`oos`) is told
    from the others, by how alike the most alike example is.
    """
    train, test = ([json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
                   for name in ("train", "test"))  # fmt: skip
    train = [row for row in train if row["label"] != "oos"]
    names = sorted({row[key] for row in train})
    number = {name: n for n, name in enumerate(names)}
    chosen = [drawn(train, key, seed) for seed in range(SEEDS + 1)]
    needed = sorted({at for rows in chosen for at in rows})
    known = np.asarray(await embedder.documents([train[at]["text"] for at in needed]))
    vectors = dict(zip(needed, known, strict=True))
    asked = np.asarray(await embedder.documents([row["text"] for row in test]))
    told = np.asarray(await embedder.documents([re.sub(r"[_\W]+", " ", name).lower() for name in names]))
    descriptions = [
        Description(name, told[n : n + 1]) if described else Description("", told[:0])
        for n, name in enumerate(names)
    ]
    shares, outside = [], 0.0
    for rows in chosen:
        examples = [Example(number[train[at][key]], train[at]["text"], vectors[at]) for at in rows]
        learned = Learned(descriptions, examples)
        judged = [learned.judge(vector, row["text"]) for vector, row in zip(asked, test, strict=True)]
        inside = [(j, row) for j, row in zip(judged, test, strict=True) if row["label"] != "oos"]
        shares.append(statistics.mean(names[j.best] == row[key] for j, row in inside))
        outside = outside or separated(
            [float(j.likeness.max()) for j in judged], [row["label"] == "oos" for row in test]
        )
    print(f"{folder.name} {key}s ({len(names)}){' with names' if described else ''}: {shares[0]:.3f} first rows, "
          f"{statistics.mean(shares[1:]):.3f} mean of {SEEDS} seeds" + (f"; oos AUROC {outside:.3f}" if outside else ""))  # fmt: skip


def separated(likeness: Sequence[float], outside: Sequence[bool]) -> float:
    """AUROC of "belongs to no class" by little likeness; 0 where all belong to one."""
    if not any(outside):
        return 0.0
    ranks = np.argsort(np.argsort(-np.array(likeness))) + 1
    of = np.array(outside)
    return float((ranks[of].sum() - of.sum() * (of.sum() + 1) / 2) / (of.sum() * (~of).sum()))


async def main() -> None:
    """All sets that are there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    began = time.perf_counter()
    measure_summaries(folder / "dialogsum" / "dialogues.jsonl")
    embedder = await open_embedder(load_settings(embedding_threads=1))
    for name, key in (
        ("banking77", "label"),
        ("clinc150", "label"),
        ("clinc150", "team"),
        ("dstc11_insurance", "label"),
    ):
        for described in (False, True):
            await measure_routing(folder / name, embedder, key, described=described)
    embedder.close()
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    asyncio.run(main())
