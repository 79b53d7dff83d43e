"""Measuring answers: question sets, two results side by side, whole conversations."""

from pathlib import Path

import click

from minidesk.cli.base import command, existing_file, for_site, read_settings


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
    """Measure answers on a question set: `eval QUESTIONS.jsonl [--out FILE] [--given]`."""


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


@click.command()
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
