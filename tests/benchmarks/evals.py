"""Measures minidesk on folders of question sets: `make evals EVALS=folder`.

Each folder with a `corpus.jsonl` is ingested into a desk of its own by the product's own commands, and every
`queries.jsonl` or `questions*.jsonl` beside it is run through `minidesk eval`. The sample shop in knowledge/ comes first.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
MINIDESK = (sys.executable, "-m", "minidesk")


def run(data: Path, *arguments: str) -> str:
    """One command on the desk in `data`; its output."""
    environment = {**os.environ, "MINIDESK_DATA_DIR": str(data), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*MINIDESK, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"minidesk {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def measure(name: str, corpus: Path, questions: list[Path], results: Path, options: list[str]) -> None:
    """Ingest and evaluate; prints what the command prints."""
    with tempfile.TemporaryDirectory() as data:
        started = time.perf_counter()
        lines = run(Path(data), "ingest", str(corpus)).splitlines()
        ready = sum(line.startswith("ready ") for line in lines)
        print(
            f"\n== {name}: {ready} of {len(lines)} documents ready in {time.perf_counter() - started:.1f} s"
        )
        for file in questions:
            out = results / f"{name}-{file.stem}.jsonl"
            print(f"\n-- {file.name}")
            print(run(Path(data), "eval", str(file), "--out", str(out), *options), end="")


def main() -> None:
    """The sample shop, then each folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", help="names of folders, with commas")
    parser.add_argument(
        "--given", action="store_true", help="search only in each question's relevant documents"
    )
    parser.add_argument("--results", type=Path, help="folder for the result lines")
    arguments = parser.parse_args()
    only = set(arguments.only.split(",")) if arguments.only else None
    options = ["--given"] if arguments.given else []
    with tempfile.TemporaryDirectory() as scratch:
        results = arguments.results or Path(scratch)
        results.mkdir(parents=True, exist_ok=True)
        if only is None or "shop" in only:
            knowledge = TOP / "knowledge"
            measure("shop", knowledge, sorted(knowledge.glob("questions*.jsonl")), results, options)
        for corpus in sorted(arguments.folder.glob("*/corpus.jsonl")):
            folder = corpus.parent
            if only is None or folder.name in only:
                questions = sorted([*folder.glob("queries*.jsonl"), *folder.glob("questions*.jsonl")])
                measure(folder.name, corpus, questions, results, options)


if __name__ == "__main__":
    main()
