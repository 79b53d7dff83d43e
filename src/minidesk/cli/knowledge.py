"""Taking documents in, finding passages, asking a question."""

import sys
from pathlib import Path
from typing import Any

import click

from minidesk.cli.base import command, for_site, read_settings, stop


@click.command()
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


@click.command()
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


@click.command()
@click.argument("question")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@for_site
@command
async def ask(question: str, as_json: bool, site: str | None) -> None:
    """Answer one question, without a conversation."""
    import json

    from minidesk.answering.outcome import answer_as_json
    from minidesk.operations import ask_site

    answered = await ask_site(read_settings(), site, question)
    if as_json:
        click.echo(json.dumps(answer_as_json(answered), ensure_ascii=False))
        return
    click.echo(answered.text)
    for citation in answered.citations:
        click.echo(f"  [{citation.n}] {citation.title}  {citation.url or citation.document}")
