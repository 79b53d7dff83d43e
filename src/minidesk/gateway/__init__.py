"""Our side of the unified API: one OpenAI-compatible wire protocol, whoever speaks it.

Callers build a `ChatRequest` and read `Gateway.stream`; everything else here is inside.
"""

from minidesk.gateway.call import Hold, Purse
from minidesk.gateway.catalog import PRESETS, Catalog, Entry, PriceTable, Route, load_prices, read_catalog
from minidesk.gateway.client import Clocks, ModelClient
from minidesk.gateway.drill import Scene, Seen, play_outages
from minidesk.gateway.failures import BUDGET_SPENT
from minidesk.gateway.messages import CallRecord, ChatMessage, ChatRequest, Finished, LedgerSink, Tier
from minidesk.gateway.routing import Gateway, TargetState
from minidesk.gateway.target import Target
from minidesk.gateway.transcribe import Recording, Transcriber
from minidesk.gateway.trial import Trial, try_model

__all__ = [
    "BUDGET_SPENT",
    "PRESETS",
    "CallRecord",
    "Catalog",
    "ChatMessage",
    "ChatRequest",
    "Clocks",
    "Entry",
    "Finished",
    "Gateway",
    "Hold",
    "LedgerSink",
    "ModelClient",
    "PriceTable",
    "Purse",
    "Recording",
    "Route",
    "Scene",
    "Seen",
    "Target",
    "TargetState",
    "Tier",
    "Transcriber",
    "Trial",
    "load_prices",
    "play_outages",
    "read_catalog",
    "try_model",
]
