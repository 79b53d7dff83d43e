"""What a question needs: search, the gateway, the asker."""

import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from minidesk.answering.compose import LargeTier
from minidesk.answering.known import KnownAnswers
from minidesk.answering.late import LateReader
from minidesk.answering.models import ForPurpose, OneTier
from minidesk.ask import Asker
from minidesk.assist import Assist, ForAgents
from minidesk.errors import MinideskError
from minidesk.fulltext import FullText
from minidesk.gateway import Clocks, Gateway, ModelClient, Purpose, Transcriber, read_catalog
from minidesk.insight.metrics import MeasuredSearcher
from minidesk.knowledge.answer_cache import AnswerCache
from minidesk.knowledge.cross_encoder import Reranker
from minidesk.knowledge.embed import Embedder, open_embedder
from minidesk.knowledge.exact_index import ExactIndex
from minidesk.knowledge.languages import languages_read
from minidesk.knowledge.search import Searcher
from minidesk.knowledge.token_vectors import TokenStore
from minidesk.knowledge.vectors import VectorIndex
from minidesk.settings import Settings
from minidesk.sites.large_share import LargeCap, LargeShare
from minidesk.tickets import Embed
from minidesk.wiring.core import Core

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a question needs."""

    embedder: Embedder | None
    fulltext: FullText
    searcher: Searcher
    gateway: Gateway
    asker: Asker
    voice: Transcriber
    assist: Assist


async def open_embedding(settings: Settings) -> Embedder | None:
    """The embedder, or None with a line in the log: words alone answer then (F29)."""
    try:
        return await open_embedder(settings)
    except MinideskError as error:
        log.error("%s", error.message)  # noqa: TRY400 (the sentence says all; a trace would only frighten)
        return None


@asynccontextmanager
async def open_answers(
    core: Core, embedder: Embedder | None, index: VectorIndex | None = None
) -> AsyncIterator[Answers]:
    """Search, gateway and asker. Without an `index`, SQL's vectors are ranked exactly: what commands do."""
    fulltext = FullText(core.settings.data_dir / "fulltext")
    if index is None and embedder is not None:
        index = ExactIndex(core.db, embedder.fingerprint)
    reranker = Reranker(core.settings.rerank_model) if core.settings.rerank_model else None
    searcher = MeasuredSearcher(
        core.db, embedder, index, fulltext, core.clock, reranker, languages_read(core.settings)
    )
    searcher.metrics = core.metrics
    gateway, voice = build_gateway(core), build_voice(core)
    try:
        asker = Asker(
            searcher,
            embed_function(embedder),
            gateway,
            core.settings,
            core.clock,
            large=build_large(gateway),
            late=build_late(core, embedder),
            known=build_known(core),
            texts=core.texts,
        )
        assist = build_assist(core, searcher, embedder, gateway)
        yield Answers(embedder, fulltext, searcher, gateway, asker, voice, assist)
    finally:
        await gateway.close()
        await voice.close()
        fulltext.close()
        if reranker is not None:
            reranker.close()
        if embedder is not None:
            embedder.close()


def build_gateway(core: Core) -> Gateway:
    """The models that the settings name. Raises Invalid where the settings cannot be meant."""
    catalog = read_catalog(core.settings, os.environ)
    for entry in catalog.entries:
        if entry.problem:
            log.warning("the model %s is not asked: %s", entry.target.name, entry.problem)
    client = ModelClient(model_clocks(core.settings))
    large = LargeShare(core.db, core.clock, large_cap_of(core.settings))
    return Gateway(client, catalog.routes, core.book, core.spending, others=catalog.others, large=large)


def build_voice(core: Core) -> Transcriber:
    """The models that write down voice notes, if the settings name any."""
    return Transcriber(read_catalog(core.settings, os.environ).voice, core.book, core.spending)


def build_large(gateway: Gateway, purpose: Purpose = "answer") -> LargeTier | None:
    """The tier that is asked where the proof of an answer is too thin; None where no model makes it."""
    if not gateway.offers("large"):
        return None
    return LargeTier(ForPurpose(OneTier(gateway, "large"), purpose))


def build_assist(core: Core, searcher: Searcher, embedder: Embedder | None, gateway: Gateway) -> Assist:
    """What helps agents with a reply. It keeps no answers: one with an internal page in it must reach no visitor."""
    asker = Asker(
        ForAgents(searcher),
        embed_function(embedder),
        ForPurpose(gateway, "draft"),
        core.settings,
        core.clock,
        large=build_large(gateway, "draft"),
        late=build_late(core, embedder),
        texts=core.texts,
    )
    return Assist(core.db, asker, gateway, core.clock)


def build_late(core: Core, embedder: Embedder | None) -> LateReader | None:
    """What reads passages token by token; None where there is no embedder."""
    if embedder is None:
        return None
    return LateReader(embedder.tokens, TokenStore(core.db, embedder.token_fingerprint).of)


def build_known(core: Core) -> KnownAnswers | None:
    """Answers that were given before; None where they are not to be kept."""
    settings = core.settings
    if not settings.answer_cache:
        return None
    models = settings.model_dump_json(include={"model", "model_fallback", "model_base_url", "tiers"})
    return KnownAnswers(AnswerCache(core.db, core.clock), core.book, models)


def model_clocks(settings: Settings) -> Clocks:
    """How long a model may take."""
    return Clocks(settings.model_first_token_s, settings.model_gap_s, settings.model_total_s)


def large_cap_of(settings: Settings) -> LargeCap:
    """How much the large tier may do for a site that has set nothing else."""
    return LargeCap(settings.large_share_max, settings.large_daily_budget_usd)


def embed_function(embedder: Embedder | None) -> Embed:
    """What answering and triage compare texts with. Without a model nothing is alike: words decide alone (F29)."""
    if embedder is not None:
        return embedder.texts

    async def nothing_alike(texts: Sequence[str]) -> Any:
        import numpy as np

        return np.zeros((len(texts), 1), np.float32)

    return nothing_alike
