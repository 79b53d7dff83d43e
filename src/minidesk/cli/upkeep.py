"""Keeping a deployment whole: its database, its indexes, backups."""

from pathlib import Path

import click

from minidesk.cli.base import command, existing_file, read_settings


@click.command()
@command
async def migrate() -> None:
    """Bring the database to the newest revision."""
    from minidesk.wiring import open_core

    async with open_core(read_settings()):
        click.echo("The database is up to date.")


@click.command()
@click.option("--repair", is_flag=True, help="Rebuild what differs.")
@command
async def doctor(repair: bool) -> int:
    """Check rows against vectors against full text, and jobs that were given up. Exit status 1 if something differs."""
    from minidesk.operations import examine

    findings = await examine(read_settings(), repair=repair)
    for finding in findings:
        click.echo(("ok      " if finding.ok else "DIFFERS ") + finding.sentence)
    return 0 if all(finding.ok for finding in findings) else 1


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@command
async def backup(file: Path) -> None:
    """Write everything that cannot be made again to FILE; a server may run meanwhile."""
    from minidesk.accounts.sealing import KEY_FILE
    from minidesk.backup import backup as write_backup
    from minidesk.wiring import open_core

    async with open_core(read_settings()) as core:
        click.echo((await write_backup(core, file)).sentence(f"{file.name} is complete"))
        if (core.settings.data_dir / KEY_FILE).exists():
            # Not in it: whoever finds the backup must not be able to open what is sealed.
            click.echo(
                f"Keep {KEY_FILE} of the data folder too, in another place: without it second factors, identity keys and "
                "webhook secrets have to be set up again."
            )


@click.command()
@click.argument("file", type=existing_file)
@command
async def restore(file: Path) -> None:
    """Put a backup into an empty data folder and database. The next start builds the indexes."""
    from minidesk.accounts.sealing import KEY_FILE
    from minidesk.backup import restore as put_back

    settings = read_settings()
    click.echo((await put_back(settings, file)).sentence("Restored"))
    if not (settings.data_dir / KEY_FILE).exists() and not settings.secret_key.get_secret_value():
        click.echo(f"If you kept a {KEY_FILE}, put it into the data folder before the first start.")
