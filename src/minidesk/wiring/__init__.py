"""Builds the real parts from settings: the only place where concrete classes are chosen.

Core       rows, files, jobs, live events: what every command needs
Answers    what a question needs: search, the gateway, the asker
Desk       a server: Answers over Chroma, and the loops that follow, reply and supervise the child
"""

from minidesk.wiring.answers import (
    Answers,
    build_assist,
    build_gateway,
    build_known,
    build_large,
    build_voice,
    embed_function,
    large_cap_of,
    model_clocks,
    open_answers,
    open_embedding,
)
from minidesk.wiring.child import (
    COMMAND,
    Workers,
    background_worker,
    environment_of,
    keep_memory_small,
    run_background_worker,
    supervise_child,
)
from minidesk.wiring.core import (
    DEFAULT_SITE,
    Core,
    attachment_files,
    build_attachments,
    ceilings_of,
    open_core,
)
from minidesk.wiring.desk import Desk, build_channels, build_inbound, build_looks, open_desk, take_back_leases
from minidesk.wiring.doors import build_crawls, build_install_check, build_oidc, build_sources, reply_address
from minidesk.wiring.tasks import end_tasks, first_of

__all__ = [
    "COMMAND",
    "DEFAULT_SITE",
    "Answers",
    "Core",
    "Desk",
    "Workers",
    "attachment_files",
    "background_worker",
    "build_assist",
    "build_attachments",
    "build_channels",
    "build_crawls",
    "build_gateway",
    "build_inbound",
    "build_install_check",
    "build_known",
    "build_large",
    "build_looks",
    "build_oidc",
    "build_sources",
    "build_voice",
    "ceilings_of",
    "embed_function",
    "end_tasks",
    "environment_of",
    "first_of",
    "keep_memory_small",
    "large_cap_of",
    "model_clocks",
    "open_answers",
    "open_core",
    "open_desk",
    "open_embedding",
    "reply_address",
    "run_background_worker",
    "supervise_child",
    "take_back_leases",
]
