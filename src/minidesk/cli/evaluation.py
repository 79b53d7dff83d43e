"""Measuring answers: question sets, two results side by side, whole conversations."""

import sys
from pathlib import Path
from typing import Any

import click

from minidesk.cli.base import command, existing_file, for_site, read_settings

results_file = click.Path(dir_okay=False, path_type=Path)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")


class EvalGroup(click.Group):
    """`eval FILE` measures; `eval compare A B` is a word of its own, so it is looked for first."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A first word that names no command is the file of `eval FILE`."""
        if args and args[0] not in self.commands:
            args = ["run", *args]
        return super().resolve_command(ctx, args)


@click.group("eval", cls=EvalGroup, context_settings={"ignore_unknown_options": True})
def eval_() -> None:
    """Measure answers on a question set: `eval QUESTIONS.jsonl`. All options: `eval run --help`.

    To compare two ways to answer, run the same set with each and --out, then `eval compare A B`.
    """


@eval_.command("compare")
@click.argument("a", type=existing_file)
@click.argument("b", type=existing_file)
@as_json_option
@command
async def compare_results(a: Path, b: Path, as_json: bool) -> None:
    """Set two results files of `eval --out` side by side, question by question: what B does better and worse than A."""
    import json

    from minidesk.insight.comparison import as_text, compare, read_results

    found = compare(read_results(a), read_results(b))
    click.echo(
        json.dumps(found.as_dict(), ensure_ascii=False) if as_json else as_text(found, (str(a), str(b)))
    )


@eval_.command("run")
@click.argument("questions", type=existing_file)
@click.option("--out", type=results_file, help="File for one result a line, as `eval compare` reads it.")
@click.option("--given", is_flag=True, help="Search only in each question's relevant documents.")
@click.option(
    "--tag", "tags", multiple=True, help="Only questions with this tag; may be given several times."
)
@as_json_option
@for_site
@command
async def evaluate(
    questions: Path, out: Path | None, given: bool, tags: tuple[str, ...], as_json: bool, site: str | None
) -> None:
    """Measure answers on a question set.

    A line is JSON with `question` and, as far as they are known, `relevant` (the documents that answer), `answers`
    (phrases of which one must be said), `outcome` (reply, clarify, handoff), `answerable`, `history`, `tags` and `id`.
    """
    from minidesk.operations import evaluate_file

    bar = Counted(sys.stderr.isatty())
    try:
        told = await evaluate_file(
            read_settings(),
            questions,
            out,
            given=given,
            site_key=site,
            tags=tags,
            as_json=as_json,
            progress=bar.show,
        )
    finally:
        bar.close()
    click.echo(told)


@click.command()
@click.argument("conversations", type=existing_file)
@click.option("--out", type=results_file, help="File for one conversation a line.")
@click.option(
    "--rules", is_flag=True, help="Visitors go by rules, though there is a model that could play them."
)
@click.option("--brief", is_flag=True, help="One line a conversation, without what was said.")
@as_json_option
@for_site
@command
async def simulate(
    conversations: Path, out: Path | None, rules: bool, brief: bool, as_json: bool, site: str | None
) -> None:
    """Play whole conversations against the assistant: `simulate SIMULATIONS.jsonl`.

    A line is JSON with `goal` and `opening`, and may have `id`, `persona` (who writes), `facts` (told when asked for),
    `then` (what they ask after an answer), `answers` (phrases that must be read before the goal is reached), `expect`
    (answered, handoff or clarify) and `max_turns`. Nothing is stored and no ticket is opened.
    """
    import json

    from minidesk.insight.simulation import Played, as_dict, report
    from minidesk.operations import simulate_file

    def show(one: Played) -> None:
        if not as_json:
            click.echo(one.head() if brief else f"{one.transcript()}\n")

    played = await simulate_file(read_settings(), conversations, out, rules=rules, site_key=site, show=show)
    if as_json:
        click.echo(json.dumps(as_dict(played), ensure_ascii=False))
    else:
        click.echo(f"\n{report(played)}" if brief else report(played))


class Counted:
    """A bar on a terminal: a set of a thousand questions takes minutes."""

    def __init__(self, on_terminal: bool) -> None:
        """Elsewhere nothing is shown."""
        self._on_terminal = on_terminal
        self._bar: Any = None

    def show(self, done: int, of: int) -> None:
        """So many are done."""
        if not self._on_terminal:
            return
        if self._bar is None:
            self._bar = click.progressbar(length=of, label="asking", file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
