"""The commands. They call the same functions as the web; what they need is imported when one of them runs.

`minidesk --help` must answer at once: importing the database, the web or an index here would make it wait a second.
"""

import click

from minidesk import __version__
from minidesk.cli import accounts, evaluation, knowledge, models, serving, upkeep

COMMANDS = (
    *(serving.serve, serving.demo, serving.work),
    *(knowledge.ingest, knowledge.search, knowledge.ask),
    *(evaluation.eval_, evaluation.simulate),
    *(upkeep.migrate, upkeep.doctor, upkeep.backup, upkeep.restore),
    *(accounts.sites, accounts.agents, accounts.keys),
    models.models,
)


@click.group(commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="minidesk")
def main() -> None:
    """A customer-support desk whose first line is a mini model.

    Start with `minidesk demo`. All settings are environment variables MINIDESK_… or lines of minidesk.toml.
    """
