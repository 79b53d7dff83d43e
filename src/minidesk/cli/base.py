"""What every command is made of: how it runs, its settings, and options that several take."""

import asyncio
import functools
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from minidesk.errors import MinideskError

if TYPE_CHECKING:
    from minidesk.settings import Settings

for_site = click.option("--site", help="Key of the site; needed only where there are several.")
existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)


def command(function: Callable[..., Coroutine[Any, Any, int | None]]) -> Callable[..., None]:
    """Run an async command: its result is the exit status, an error of ours is its sentence on standard error."""

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> None:
        try:
            status = asyncio.run(function(*args, **options))
        except MinideskError as error:
            click.echo(error.message, err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(130)
        sys.exit(status or 0)

    return run


def read_settings(*, serves: bool = False, **given: Any) -> "Settings":
    """Settings with the options that were given on the command line; a value that cannot be used is said in one line.

    What does not serve logs from warning on unless a level was set: its output is read by people and pipes.
    """
    from pydantic import ValidationError

    from minidesk.settings import load_settings
    from minidesk.telemetry import set_up_logging

    try:
        settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            click.echo(f"MINIDESK_{name}: {problem['msg']}", err=True)
        sys.exit(2)
    quiet = not serves and "log_level" not in settings.model_fields_set
    set_up_logging("warning" if quiet else settings.log_level, settings.log_json)
    return settings


def stop(sentence: str) -> NoReturn:
    """Say why nothing was done."""
    click.echo(sentence, err=True)
    sys.exit(2)
