"""What an owner asks of the assistant, held against what the proof lets through.

Instructions change tone and length. Some ask for what can never come out: promises, sources left away, knowledge of
one's own. They are kept as they are, and their owner is told, sentence by sentence, what will not work.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from minidesk.answering.rulebook import Rules, rulebook
from minidesk.text.words import sentences

_ADDRESS = re.compile(r"(?:https?://|www\.)([\w.-]+)", re.IGNORECASE)
_SHOWN_CHARS = 90


@dataclass(frozen=True, slots=True)
class Conflict:
    """One sentence that will not do what it says. `kind` is a key of the rules' tables, `words` the sentence."""

    kind: str
    words: str


def conflicts(instructions: str, link_hosts: Collection[str] = ()) -> list[Conflict]:
    """What of these instructions cannot work, at most one reason a sentence. `link_hosts`: where answers may link to."""
    found: list[Conflict] = []
    for line in instructions.splitlines():
        for span in sentences(line):
            kind = _kind(span.text.lower(), link_hosts)
            if kind is not None:
                found.append(Conflict(kind, _short(span.text)))
    return found


def _kind(sentence: str, link_hosts: Collection[str]) -> str | None:
    for rules in rulebook():
        for kind, pattern in rules.guidance_always.items():
            if pattern.search(sentence):
                return kind
    # Of all languages: words such as "emoji" are of several, and the rules of one would not see the other's "kein".
    if any(
        rules.guidance_unless is not None and rules.guidance_unless.search(_main(sentence, rules))
        for rules in rulebook()
    ):
        return None
    for rules in rulebook():
        for kind, pattern in rules.guidance.items():
            if pattern.search(sentence) and not (kind == "link" and _known(sentence, link_hosts)):
                return kind
    return None


def _main(sentence: str, rules: Rules) -> str:
    """The sentence without the clauses beside it in which something is denied: they deny nothing of what is asked."""
    return sentence if rules.guidance_aside is None else rules.guidance_aside.sub(" ", sentence)


def _known(sentence: str, link_hosts: Collection[str]) -> bool:
    """Whether every address that it names is one that answers may link to."""
    named = {host.lower().rstrip(".") for host in _ADDRESS.findall(sentence)}
    return bool(named) and named <= set(link_hosts)


def _short(text: str) -> str:
    bare = " ".join(text.split())
    return bare if len(bare) <= _SHOWN_CHARS else f"{bare[:_SHOWN_CHARS].rstrip()}…"
