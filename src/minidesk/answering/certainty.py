"""Whether a sentence is as sure as its page: not always what holds mostly, no fact of what is only supposed, and no news."""

import re

from minidesk.answering.alike import LIGHT
from minidesk.answering.rank import surface

SOME = re.compile(
    r"\b(?:some|most|mostly|usually|often|sometimes|normally|generally|many|several|about|around|approximately|up to|at least|at most|nearly|almost)\b",
    re.IGNORECASE,
)
# What holds mostly is not said as if it held each time; "may" and "about" leave as much open.
_MOSTLY = re.compile(
    r"\b(?<!more )(?<!less )(?:usually|often|sometimes|normally|generally|typically|mostly|mainly|occasionally|rarely|seldom|in most cases|as a rule)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    _MOSTLY.pattern
    + r"|\b(?:may|might|could|can|tends?|most|many|some|several|about|around|approximately|up to|not always|generally)\b",
    re.IGNORECASE,
)
_NEVER = re.compile(r"\b(?:never|under no circumstances|in no case|not ever|no exceptions?)\b", re.IGNORECASE)
# What a page only supposes, and with what else that may be said.
_IF = re.compile(
    r"\W*(?:if|unless|whether|wenn|falls|sofern|ob)\b(?! you (?:like|wish|want|prefer)\b)", re.IGNORECASE
)
_SUPPOSES = re.compile(
    r"\b(?:if|unless|whether|when|whenever|once|in case|should|provided|as long as|after|before|until|for|with|without|who|that|which|wenn|falls|sofern|ob|sobald|bei|ohne|mit)\b"
    r"|^\W*\w+ (?:sie|ihr|ich|man|die|der|das|ein|eine)\b",
    re.IGNORECASE,
)
# News: that something has happened. "If you have lost it" is none.
_HAS_HAPPENED = re.compile(
    r"(?<!you )\b(?:has|have) (?:now |already |just |recently |since )?(?:been )?(\w{2,}(?:ed|en|pt|nt|ld|de))\b",
    re.IGNORECASE,
)
_HAPPENED_THERE = re.compile(
    r"\b(?:has|have|had|was|were|been|since|already|now|no longer|ago)\b|'ve\b", re.IGNORECASE
)
# "At once" is a time; its words say nothing one by one.
_AT_ONCE = re.compile(
    r"\b(?:at once|immediately|instantly|instant|(?:right|straight) away|as soon as|directly|without delay|same (?:day|moment)|sofort\w*|umgehend|unverzüglich)\b",
    re.IGNORECASE,
)


def as_sure(said: str, there: str) -> bool:
    """ "Never" is not said of what holds mostly, nor that something has happened where the page says that it does."""
    if SOME.search(there) and _NEVER.search(said) and not _NEVER.search(there):
        return False
    news = _HAS_HAPPENED.search(said)
    return news is None or bool(_HAPPENED_THERE.search(there) or _SUPPOSES.search(said[: news.start()]))


def clause_as_sure(clause: str, same: str, said: str, around: str, *, alone: bool) -> bool:
    """Whether a clause of the sentence `said` is no surer than `same`, the page's, and no sooner.

    `alone`: `same` is one clause of the page, not all of its sentence.
    """
    if alone and _IF.match(same) and not _SUPPOSES.search(said):
        return False
    if _AT_ONCE.search(clause) and not _AT_ONCE.search(f"{same} {around}"):
        return False
    return bool(_OPEN.search(said)) or not _only_mostly(clause, same)


def _only_mostly(said: str, there: str) -> bool:
    """Whether what is said holds mostly: "usually" stands in the part that says it, and not in one about something else."""
    if not _MOSTLY.search(there):
        return False
    roots = frozenset(surface(said)) - LIGHT
    return any(
        _MOSTLY.search(part) and roots & frozenset(surface(_MOSTLY.sub(" ", part)))
        for part in re.split(r"[,;:.]\s", there)
    )
