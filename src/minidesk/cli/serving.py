"""The commands that stay: a server, the sample shop, a worker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from minidesk.cli.base import command, read_settings

host_and_port = [
    click.option("--host", help="Address to listen on (default 127.0.0.1)."),
    click.option(
        "--port", type=click.IntRange(0, 65535), help="Port to listen on (default 8600); 0 picks a free one."
    ),
]


def with_host_and_port(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every server command takes."""
    for option in reversed(host_and_port):
        function = option(function)
    return function


@click.command()
@with_host_and_port
@command
async def serve(host: str | None, port: int | None) -> int:
    """Serve the widget, the console and the API."""
    from minidesk.app import run_server

    return await run_server(read_settings(serves=True, host=host, port=port))


@click.command()
@with_host_and_port
@command
async def demo(host: str | None, port: int | None) -> int:
    """Serve a sample shop, with the widget on its page and a login for the console."""
    from minidesk.app import run_server

    settings = read_settings(serves=True, host=host, port=port)
    if not settings.model_fields_set & {"data_dir", "database_url"}:
        settings = settings.model_copy(update={"data_dir": Path("data") / "demo"})
    return await run_server(settings, demo=True)


@click.command()
@click.option("--parent-pipe", is_flag=True, hidden=True, help="End when standard input closes.")
@command
async def work(parent_pipe: bool) -> int:
    """Run the background jobs (parsing, embedding) of a server on another machine or in another process."""
    from minidesk.wiring import run_background_worker

    return await run_background_worker(read_settings(serves=True), until_stdin_closes=parent_pipe)
