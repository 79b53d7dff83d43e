"""Our side of the unified API: one OpenAI-compatible wire protocol, whoever speaks it.

Callers build a `ChatRequest` and read `Gateway.stream`; everything else here is inside.
"""

from minidesk.gateway.client import Clocks, ModelClient, Target
from minidesk.gateway.messages import CallRecord, ChatMessage, ChatRequest, Finished, LedgerSink
from minidesk.gateway.routing import Gateway, Purse

__all__ = [
    "CallRecord",
    "ChatMessage",
    "ChatRequest",
    "Clocks",
    "Finished",
    "Gateway",
    "LedgerSink",
    "ModelClient",
    "Purse",
    "Target",
]
