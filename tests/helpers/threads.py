"""Threads of others that a test leaves behind."""

import asyncio
import threading


async def sqlite_threads_end() -> None:
    """Wait for aiosqlite's threads whose file could not be opened: they tell the event loop, which must be there."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 10)
