"""Sites, the people of the console, and the keys of programs."""

import sys
from typing import TYPE_CHECKING

import click

from minidesk.cli.base import command, for_site, read_settings

if TYPE_CHECKING:
    from minidesk.accounts import Role


@click.group()
def sites() -> None:
    """Websites with a widget."""


@sites.command("list")
@command
async def sites_list() -> None:
    """Their keys and names."""
    from minidesk.sites import list_sites
    from minidesk.wiring import open_core

    async with open_core(read_settings()) as core, core.db.read() as tx:
        for site in await list_sites(tx):
            origins = ", ".join(site.allowed_origins) or "the desk's own pages only"
            click.echo(f"{site.key}  {site.name}  ({origins})")


@sites.command("add")
@click.argument("name")
@click.option(
    "--origin", "origins", multiple=True, help="Address of the website, such as https://shop.example.com."
)
@command
async def sites_add(name: str, origins: tuple[str, ...]) -> None:
    """Make one; prints its key and the tag to paste."""
    from minidesk.sites import create_site
    from minidesk.wiring import open_core

    settings = read_settings()
    async with open_core(settings) as core, core.db.write() as tx:
        key = (await create_site(tx, name=name, now=core.clock(), origins=origins)).key
    click.echo(key)
    click.echo(f'<script async src="{settings.base_url}/widget.js" data-site="{key}"></script>')


@click.group()
def agents() -> None:
    """People in the console."""


@agents.command("list")
@command
async def agents_list() -> None:
    """Their addresses and where they may work."""
    from minidesk.operations import agent_lines
    from minidesk.wiring import open_core

    async with open_core(read_settings()) as core:
        for line in await agent_lines(core):
            click.echo(line)


@agents.command("add")
@click.argument("email")
@click.option("--name", default="", help="As visitors see it; default: the part before the @.")
@click.option("--role", type=click.Choice(["agent", "editor", "admin"]), default="admin", show_default=True)
@click.option("--operator", is_flag=True, help="May change the deployment itself.")
@click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input instead of asking."
)
@for_site
@command
async def agents_add(
    email: str, name: str, role: "Role", operator: bool, password_stdin: bool, site: str | None
) -> None:
    """Make one, for one site."""
    from minidesk.operations import add_agent
    from minidesk.wiring import open_core

    if password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    async with open_core(read_settings()) as core:
        await add_agent(core, email, name or email.split("@", maxsplit=1)[0], password, role, operator, site)
        click.echo(f"{email} can sign in at {core.settings.base_url}/console")


@agents.command("link")
@click.argument("email")
@click.option(
    "--drop-second-factor",
    is_flag=True,
    help="Also take the second factor off: app and recovery codes are lost.",
)
@command
async def agents_link(email: str, drop_second_factor: bool) -> None:
    """Print a link to choose a new password, for who is locked out; good once, for an hour."""
    from minidesk.operations import new_password_link
    from minidesk.wiring import open_core

    async with open_core(read_settings()) as core:
        click.echo(await new_password_link(core, email, drop_second_factor=drop_second_factor))


@agents.command("suspend")
@click.argument("email")
@command
async def agents_suspend(email: str) -> None:
    """Lock one out everywhere, at once; what they had goes back to the queue."""
    from minidesk.operations import suspend_agent
    from minidesk.wiring import open_core

    async with open_core(read_settings()) as core:
        count = await suspend_agent(core, email)
        click.echo(f"{email} is suspended. {count} of their tickets wait for somebody else now.")


@agents.command("restore")
@click.argument("email")
@command
async def agents_restore(email: str) -> None:
    """Let one in again who was suspended."""
    from minidesk.operations import restore_agent
    from minidesk.wiring import open_core

    async with open_core(read_settings()) as core:
        await restore_agent(core, email)
        click.echo(f"{email} can sign in again.")


@click.group()
def keys() -> None:
    """API keys: how programs reach documents, search and answers of one site."""


@keys.command("list")
@for_site
@command
async def keys_list(site: str | None) -> None:
    """What there is; the keys themselves are shown nowhere again."""
    from minidesk.accounts import list_api_keys
    from minidesk.wiring import open_core

    async with open_core(read_settings()) as core:
        site_id = (await core.site(site)).id
        async with core.db.read() as tx:
            found = await list_api_keys(tx, site_id)
        for key in found:
            used = f"used {key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never used"
            scopes = ",".join(key.scopes)
            click.echo(f"{key.id}  {key.prefix}…  {key.name}  {scopes}  {key.state(core.clock())}  {used}")


@keys.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="SCOPE",
    help="What it may do, such as documents:read or tickets:write; several times for several. A wrong one names all.",
)
@click.option("--expires-days", type=click.IntRange(1, 3650), help="Days until it ends; default: never.")
@for_site
@command
async def keys_add(name: str, scopes: tuple[str, ...], expires_days: int | None, site: str | None) -> None:
    """Make one; it is printed once and stored nowhere."""
    from minidesk.accounts import create_api_key
    from minidesk.wiring import open_core

    async with open_core(read_settings()) as core:
        site_id = (await core.site(site)).id
        async with core.db.write() as tx:
            made = await create_api_key(
                tx, site_id=site_id, name=name, scopes=scopes, now=core.clock(), expires_days=expires_days
            )
    click.echo(made.key)


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@for_site
@command
async def keys_revoke(key_id: str, site: str | None) -> None:
    """End one at once; `minidesk keys list` names the ids."""
    from minidesk.accounts import revoke_api_key
    from minidesk.wiring import open_core

    async with open_core(read_settings()) as core:
        site_id = (await core.site(site)).id
        async with core.db.write() as tx:
            await revoke_api_key(tx, site_id=site_id, key_id=key_id, now=core.clock())
    click.echo(f"{key_id} is revoked.")
