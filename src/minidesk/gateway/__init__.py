"""Our side of the unified API: one OpenAI-compatible wire protocol, whoever speaks it.

Callers build a `ChatRequest` and read `Gateway.stream`; everything else here is inside.
"""

from minidesk.gateway.call import Gate, Hold, Purse
from minidesk.gateway.catalog import Catalog, Entry, Route, read_catalog
from minidesk.gateway.client import Clocks, ModelClient
from minidesk.gateway.drill import Scene, Seen, play_outages
from minidesk.gateway.failures import BUDGET_SPENT
from minidesk.gateway.messages import (
    CallRecord,
    ChatMessage,
    ChatRequest,
    Finished,
    LedgerSink,
    Order,
    Purpose,
    Tier,
)
from minidesk.gateway.presets import PRESETS, known_lines
from minidesk.gateway.prices import PriceTable, load_prices
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
    "Gate",
    "Gateway",
    "Hold",
    "LedgerSink",
    "ModelClient",
    "Order",
    "PriceTable",
    "Purpose",
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
    "known_lines",
    "load_prices",
    "play_outages",
    "read_catalog",
    "try_model",
]
