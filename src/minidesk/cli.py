"""The commands. They call the same functions as the web; what they need is imported when one of them runs.

`minidesk --help` must answer at once: importing the database, the web or an index here would make it wait a second.
"""

import asyncio
import functools
import logging
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from minidesk import __version__
from minidesk.errors import MinideskError

if TYPE_CHECKING:
    from minidesk.accounts import Role
    from minidesk.settings import Settings


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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="minidesk")
def main() -> None:
    """A customer-support desk whose first line is a mini model.

    Start with `minidesk demo`. All settings are environment variables MINIDESK_… or lines of minidesk.toml.
    """


host_and_port = [
    click.option("--host", help="Address to listen on (default 127.0.0.1)."),
    click.option(
        "--port", type=click.IntRange(0, 65535), help="Port to listen on (default 8600); 0 picks a free one."
    ),
]
for_site = click.option("--site", help="Key of the site; needed only where there are several.")


def with_host_and_port(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every server command takes."""
    for option in reversed(host_and_port):
        function = option(function)
    return function


@main.command()
@with_host_and_port
@command
async def serve(host: str | None, port: int | None) -> int:
    """Serve the widget, the console and the API."""
    from minidesk.app import run_server

    return await run_server(read_settings(serves=True, host=host, port=port))


@main.command()
@with_host_and_port
@command
async def demo(host: str | None, port: int | None) -> int:
    """Serve a sample shop, with the widget on its page and a login for the console."""
    from minidesk.app import run_server

    settings = read_settings(serves=True, host=host, port=port)
    if not settings.model_fields_set & {"data_dir", "database_url"}:
        settings = settings.model_copy(update={"data_dir": Path("data") / "demo"})
    return await run_server(settings, demo=True)


@main.command()
@click.option("--parent-pipe", is_flag=True, hidden=True, help="End when standard input closes.")
@command
async def work(parent_pipe: bool) -> int:
    """Run the background jobs (parsing, embedding) of a server on another machine or in another process."""
    from minidesk.wiring import run_background_worker

    return await run_background_worker(read_settings(serves=True), until_stdin_closes=parent_pipe)


@main.command()
@command
async def migrate() -> None:
    """Bring the database to the newest revision."""
    from minidesk.wiring import open_core

    async with open_core(read_settings()):
        click.echo("The database is up to date.")


@main.command()
@click.argument("paths", nargs=-1, required=True)
@for_site
@click.option("--base-url", help="Address in front of a document's path, for links to the public page.")
@click.option("--crawl", is_flag=True, help="Read the whole website of a web address, not the page alone.")
@click.option("--sitemap", is_flag=True, help="The web address is a sitemap: read the pages that it names.")
@command
async def ingest(
    paths: tuple[str, ...], site: str | None, base_url: str | None, crawl: bool, sitemap: bool
) -> int:
    """Take files, folders and web pages in as knowledge. Exit status 1 if any failed."""
    from minidesk.operations import ingest_paths, ingest_urls

    urls, files = check_paths(paths, web_only=crawl or sitemap)
    settings = read_settings()
    failed = 0
    progress = Progress(sys.stderr.isatty())
    lines = []
    if files:
        lines.append(ingest_paths(settings, files, site, base_url, progress.total))
    if urls:
        lines.append(
            ingest_urls(settings, urls, "sitemap" if sitemap else "crawl" if crawl else "page", site)
        )
    for each in lines:
        async for line in each:
            failed += line.state == "failed"
            progress.line(f"{line.state} {line.path}" + (f": {line.why}" if line.why else ""))
    progress.close()
    return 1 if failed else 0


def check_paths(paths: tuple[str, ...], *, web_only: bool) -> tuple[list[str], list[Path]]:
    """Web addresses, and files and folders. Says what cannot be ingested before anything is."""
    urls = [path for path in paths if path.lower().startswith(("http://", "https://"))]
    files = [Path(path) for path in paths if path not in urls]
    for file in files:
        if web_only:
            stop(f"{file} is no web address: --crawl and --sitemap read the web. Write it with https://.")
        if not file.exists():
            stop(f"{file} does not exist.")
    return urls, files


class Progress:
    """A bar on a terminal, plain lines everywhere."""

    def __init__(self, on_terminal: bool) -> None:
        self._on_terminal = on_terminal
        self._bar: Any = None

    def total(self, count: int) -> None:
        """How many files there will be."""
        if self._on_terminal:
            self._bar = click.progressbar(length=count, label="ingesting", file=sys.stderr)
            self._bar.__enter__()

    def line(self, text: str) -> None:
        """One document is done."""
        if self._bar is not None:
            sys.stderr.write("\r\x1b[K")
        click.echo(text)
        if self._bar is not None:
            self._bar.update(1)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)


def stop(sentence: str) -> NoReturn:
    """Say why nothing was done."""
    click.echo(sentence, err=True)
    sys.exit(2)


@main.command()
@click.argument("query")
@click.option("-k", "count", type=click.IntRange(1, 50), default=5, help="How many passages (default 5).")
@click.option("--language", help="Only documents in this language (de, en, …), and those that name none.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@for_site
@command
async def search(query: str, count: int, language: str | None, as_json: bool, site: str | None) -> None:
    """Find passages."""
    import json

    from minidesk.operations import open_for_asking

    async with open_for_asking(read_settings(), site) as (site_id, answers):
        result = await answers.searcher.search(
            site_id, query, k=count, language=None if language is None else language[:2].lower()
        )
    if as_json:
        rows = [
            {
                "chunk": p.chunk,
                "document": p.document,
                "title": p.title,
                "score": round(p.score, 4),
                "text": p.text,
            }
            for p in result.passages
        ]
        click.echo(
            json.dumps(
                {"score": round(result.score, 4), "mode": result.mode, "passages": rows}, ensure_ascii=False
            )
        )
        return
    for n, passage in enumerate(result.passages, 1):
        where = " > ".join((passage.title, *passage.heading_path))
        click.echo(f"{n}. {passage.score:.2f}  {passage.document}  {where}")
        click.echo("   " + " ".join(passage.text.split())[:200])
    if not result.passages:
        click.echo("Nothing was found. Ingest documents first: minidesk ingest FOLDER")


@main.command()
@click.argument("question")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@for_site
@command
async def ask(question: str, as_json: bool, site: str | None) -> None:
    """Answer one question, without a conversation."""
    import json

    from minidesk.answering.outcome import Question, answer_as_json
    from minidesk.ask import answer
    from minidesk.operations import open_for_asking

    async with open_for_asking(read_settings(), site) as (site_id, answers):
        answered = await answer(answers.asker, Question(site_id, question))
    if as_json:
        click.echo(json.dumps(answer_as_json(answered), ensure_ascii=False))
        return
    click.echo(answered.text)
    for citation in answered.citations:
        click.echo(f"  [{citation.n}] {citation.title}  {citation.url or citation.document}")


class EvalGroup(click.Group):
    """`eval FILE` measures; `eval compare A B` is a word of its own, so it is looked for first."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A first word that names no command is the file of `eval FILE`."""
        if args and args[0] not in self.commands:
            args = ["run", *args]
        return super().resolve_command(ctx, args)


existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@main.group("eval", cls=EvalGroup, context_settings={"ignore_unknown_options": True})
def eval_() -> None:
    """Measure answers on a question set: `eval QUESTIONS.jsonl [--out FILE] [--given]`."""


@main.command()
@click.argument("conversations", type=existing_file)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File for one conversation a line."
)
@click.option(
    "--rules", is_flag=True, help="Visitors go by rules, though there is a model that could play them."
)
@for_site
@command
async def simulate(conversations: Path, out: Path | None, rules: bool, site: str | None) -> None:
    """Play whole conversations against the assistant: `simulate SIMULATIONS.jsonl`.

    A line is JSON with `goal` and `opening`, and may have persona, facts, then, answers, expect and max_turns.
    """
    from minidesk.operations import simulate_file

    figures = await simulate_file(
        read_settings(), conversations, out, rules=rules, site_key=site, show=click.echo
    )
    click.echo(f"\n{figures}")


@eval_.command("compare")
@click.argument("a", type=existing_file)
@click.argument("b", type=existing_file)
@command
async def compare_results(a: Path, b: Path) -> None:
    """Set two results files of `eval --out` side by side, question by question."""
    from minidesk.insight.comparison import as_text, compare, read_results

    click.echo(as_text(compare(read_results(a), read_results(b))))


@eval_.command("run")
@click.argument("questions", type=existing_file)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File for one result a line.")
@click.option("--given", is_flag=True, help="Search only in each question's relevant documents.")
@for_site
@command
async def evaluate(questions: Path, out: Path | None, given: bool, site: str | None) -> None:
    """Measure answers on a question set."""
    from minidesk.operations import evaluate_file

    click.echo(await evaluate_file(read_settings(), questions, out, given=given, site_key=site))


@main.command()
@click.option("--repair", is_flag=True, help="Rebuild what differs.")
@command
async def doctor(repair: bool) -> int:
    """Check rows against vectors against full text. Exit status 1 if something differs."""
    from minidesk.operations import examine

    findings = await examine(read_settings(), repair=repair)
    for finding in findings:
        click.echo(("ok      " if finding.ok else "DIFFERS ") + finding.sentence)
    return 0 if all(finding.ok for finding in findings) else 1


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@command
async def backup(file: Path) -> None:
    """Write everything that cannot be made again to FILE; a server may run meanwhile."""
    from minidesk.backup import backup as write_backup
    from minidesk.wiring import open_core

    async with open_core(read_settings()) as core:
        click.echo((await write_backup(core, file)).sentence(f"{file.name} is complete"))


@main.command()
@click.argument("file", type=existing_file)
@command
async def restore(file: Path) -> None:
    """Put a backup into an empty data folder and database. The next start builds the indexes."""
    from minidesk.backup import restore as put_back

    click.echo((await put_back(read_settings(), file)).sentence("Restored"))


@main.group()
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


@main.group()
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


@main.group()
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
    help="documents:read, documents:write, search, ask or models; give it several times for several.",
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


@main.group()
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
