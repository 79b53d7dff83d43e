"""What a ticket's summary says in our own words, in the agent's language; what the visitor said stays as they said it."""

import re

from minidesk.tickets.retell import People
from minidesk.tickets.triage import NEXT, NO_ISSUE, TRIED
from minidesk.web.console.view import Translate, spoken

_REASONS = {line: reason for reason, line in NEXT.items()}
_QUOTED = re.compile(r"(.{1,60}?) (asks|writes): “(.*)”")
_KEPT_IN = "en"  # the language in which summaries are made and kept


def summary_words(summary: str, t: Translate) -> str:
    """The summary, line by line."""
    if spoken() == _KEPT_IN:
        return summary
    return "\n".join(_line(line, t) for line in summary.split("\n"))


def subject_words(subject: str, t: Translate) -> str:
    """The subject; of our own words where the visitor said nothing that could be one."""
    return t("summary.no_issue") if subject == NO_ISSUE and spoken() != _KEPT_IN else subject


def _line(line: str, t: Translate) -> str:
    if line in _REASONS:
        return t(f"summary.{_REASONS[line]}")
    if line.startswith(TRIED):
        return t("summary.tried", titles=line.removeprefix(TRIED))
    if said := _QUOTED.fullmatch(line):
        who = t("summary.visitor") if said[1] == People().one else said[1]
        return t(f"summary.{said[2]}", who=who, words=said[3])
    return line
