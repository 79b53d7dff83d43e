"""The models of the settings: listed, tried, and taken away."""

import logging

import click

from minidesk.cli.base import command, read_settings, stop


@click.group()
def models() -> None:
    """The models that answer: providers, tiers and prices."""


@models.command("list")
@click.option("--known", is_flag=True, help="The providers and models that need no address and no price.")
@command
async def models_list(known: bool) -> int:
    """Every model of the settings, with its tiers, prices and what it supports."""
    import os

    from minidesk.gateway import known_lines, read_catalog

    if known:
        click.echo("\n".join(known_lines()))
        return 0
    catalog = read_catalog(read_settings(), os.environ)
    if not catalog.entries:
        click.echo(
            "No model is set, so extracts answer. Set MINIDESK_MODEL, or [[providers]] in minidesk.toml: "
            "`minidesk models list --known` names those that minidesk knows."
        )
        return 0
    for entry in catalog.entries:
        target = entry.target
        tiers = ", ".join(catalog.tiers_of(target)) or "no tier"
        if catalog.is_voice(target):
            click.echo(
                f"{target.name}  [{tiers}]  {target.provider}  ${target.minute_price:g} a minute of sound"
            )
            continue
        room = f"{target.context:,} tokens" if target.context else "context unknown"
        click.echo(
            f"{target.name}  [{tiers}]  {target.provider}  ${target.input_price:g} in, ${target.output_price:g} out "
            f"a million tokens  {room}  {', '.join(sorted(target.supports))}"
        )
        if entry.problem:
            click.echo(f"  not asked: {entry.problem}")
    click.echo(f"Prices that are not set come from the table of {catalog.prices.date}.")
    return 0


@models.command("test")
@command
async def models_test() -> int:
    """Call each model once: time to the first token, speed and cost. Exit status 1 if any fails."""
    import os

    from minidesk.gateway import ModelClient, read_catalog, try_model
    from minidesk.wiring import model_clocks, open_core

    settings = read_settings()
    catalog = read_catalog(settings, os.environ)
    if not catalog.entries:
        stop("No model is set. Set MINIDESK_MODEL, or [[providers]] in minidesk.toml.")
    failed = 0
    client = ModelClient(model_clocks(settings))
    try:
        async with open_core(settings) as core:
            for entry in catalog.entries:
                if catalog.is_voice(entry.target):
                    continue  # there is nothing that it could be asked to say
                trial = await try_model(client, entry, core.spending.book, core.spending)
                failed += trial.finished is None
                click.echo(trial.line())
    finally:
        await client.close()
    return 1 if failed else 0


@models.command("drill")
@click.option("--quick", is_flag=True, help="Give up after 2 seconds instead of the configured ones.")
@command
async def models_drill(quick: bool) -> None:
    """Play outages against the configured tiers with a local server that fails; shows what visitors would have seen."""
    import os

    from minidesk.gateway import Clocks, play_outages, read_catalog
    from minidesk.wiring import model_clocks

    settings = read_settings()
    routes = read_catalog(settings, os.environ).routes
    if not routes:
        stop("No model is set, so there is none to lose: extracts answer everything.")
    logging.getLogger("minidesk.gateway").setLevel(logging.CRITICAL)  # failures are what is played
    clocks = Clocks(2.0, 2.0, 4.0) if quick else model_clocks(settings)
    scenes = await play_outages(routes, clocks)
    for tier, route in routes.items():
        click.echo(f"Tier {tier}, {route.policy}: {', '.join(target.name for target in route.targets)}")
        for scene in scenes:
            if scene.tier == tier:
                click.echo(f"  {scene.line()}")
