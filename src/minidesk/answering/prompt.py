"""Builds the messages of a model call from the files in prompts/.

What a provider can keep in its cache is the beginning that calls share, so what stays the same comes first: the rules,
then the site's manner, then the marker of this call.

Text from outside (passages, history, the question) only ever stands in the user message, between lines with a
marker drawn at random for this call, with the control tokens of chat models made harmless.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from minidesk.answering.outcome import Turn
from minidesk.gateway.messages import ChatMessage
from minidesk.knowledge.records import Passage

NOT_FOUND = "NOT_FOUND"  # what the model writes when the passages do not answer
SHOWN = 6  # passages; more cost tokens and have never held the answer in the measured sets
_HISTORY = 6
# What the visitor said before those, in short: "I live in Norway" of the first message decides what the tenth asks.
_SAID_CHARS, _SAID_IN_ALL = 160, 1000
_SUMMED_UP = 24  # turns that an agent's summary is made of: what led to the handoff stands at the end
_TURN_CHARS = 600  # an earlier turn says its topic in less
_PASSAGE_CHARS = 2400

_RULES = "answer.md"  # the shipped prompt: its name, its version, and the rules that a site may write anew
_ANSWER = ("answer_system.md.j2", "answer_user.md.j2")

# <|im_start|>, [INST], <<SYS>>, <s>, "### System:", "Human:" at a line's start: what some model reads as a new role.
_CONTROL = re.compile(
    r"<\|[^|<>\n]{0,60}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<｜[^｜\n]{0,60}｜>",
    re.IGNORECASE,
)
_ROLE_LINE = re.compile(
    r"^(?P<lead>[^\S\n]*(?:#{1,6}[^\S\n]*)?)(?P<role>system|assistant|user|human|developer|tool)(?P<colon>[^\S\n]*:)",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The messages and what must never come back out: the marker and the system text."""

    messages: tuple[ChatMessage, ...]
    marker: str
    system: str


@dataclass(frozen=True, slots=True)
class Shipped:
    """A prompt file: lines `name: …` and `version: …`, an empty line, and the rules with {site_name} and {not_found} in them."""

    name: str
    version: int
    rules: str


@dataclass(frozen=True, slots=True)
class _Shown:
    title: str
    path: str
    question: str
    text: str


def neutral(text: str) -> str:
    """Text from outside with control tokens and role lines made harmless; words stay readable."""
    text = _CONTROL.sub(lambda m: re.sub(r"[<>|\[\]｜]", " ", m.group()), text)
    return _ROLE_LINE.sub(lambda m: f"{m['lead'].replace('#', '')}{m['role']} -", text)


def answer_prompt(
    question: str,
    passages: Sequence[Passage],
    history: Sequence[Turn] = (),
    *,
    rewritten: str | None = None,
    rules: str = "",
    site_prompt: str = "",
    site_name: str = "",
    shown: int = SHOWN,
    language: str = "",
) -> Prompt:
    """The messages that ask for an answer from the first `shown` of these passages; `rules` in the place of the shipped ones.

    `language`: the English name of the one to answer in; empty for that of the question.
    """
    marker = secrets.token_hex(8)
    fenced = [
        _Shown(
            neutral(p.title),
            neutral(" › ".join(p.heading_path)),
            neutral(p.question or ""),
            neutral(p.text[:_PASSAGE_CHARS]),
        )
        for p in passages[:shown]
    ]
    system = _render(
        _ANSWER[0],
        marker=marker,
        rules=_filled(rules or shipped().rules, site_name),
        site_prompt=site_prompt,
    )
    user = _render(
        _ANSWER[1],
        marker=marker,
        passages=fenced,
        history=_compacted(history),
        question=neutral(question),
        rewritten=neutral(rewritten) if rewritten and rewritten != question else "",
        language=language,
    )
    return _prompt(system, user, marker)


def rewrite_prompt(question: str, history: Sequence[Turn]) -> Prompt:
    """The messages that ask to make a follow-up whole."""
    marker = secrets.token_hex(8)
    system = _render("rewrite_system.md.j2", marker=marker)
    user = _render(
        "rewrite_user.md.j2", marker=marker, history=_compacted(history), question=neutral(question)
    )
    return _prompt(system, user, marker)


def summary_prompt(turns: Sequence[Turn], *, words: int, site_name: str = "") -> Prompt:
    """The messages that ask to sum a conversation up in so many words."""
    marker = secrets.token_hex(8)
    system = _render("summary_system.md.j2", marker=marker, words=words, site_name=site_name)
    user = _render("summary_user.md.j2", marker=marker, turns=_turns(turns, _SUMMED_UP))
    return _prompt(system, user, marker)


def wording_prompt(text: str, how: str) -> Prompt:
    """The messages that ask for an agent's text `shorter`, `friendlier`, or with correct `spelling`."""
    return _text_prompt("wording_system.md.j2", text, how=how)


def translate_prompt(text: str, language: str) -> Prompt:
    """The messages that ask for a text in a language, by its English name."""
    return _text_prompt("translate_system.md.j2", text, language=language)


def _text_prompt(system_file: str, text: str, **values: object) -> Prompt:
    marker = secrets.token_hex(8)
    system = _render(system_file, marker=marker, **values)
    user = _render("text_user.md.j2", marker=marker, text=neutral(text))
    return _prompt(system, user, marker)


def _prompt(system: str, user: str, marker: str) -> Prompt:
    """What stands in front of the marker is the same in every call of its kind: the part that a cache can keep."""
    told = ChatMessage("system", system, stable=system.index(marker))
    return Prompt((told, ChatMessage("user", user)), marker, system)


def _compacted(history: Sequence[Turn]) -> list[Turn]:
    """The last turns, and in front of them in one what the visitor had said before, the newest of it."""
    before = [turn.text for turn in history[:-_HISTORY] if turn.role == "visitor"]
    said: list[str] = []
    for text in reversed(before):
        short = neutral(_clipped(" ".join(text.split()), _SAID_CHARS))
        if sum(map(len, said)) + len(short) > _SAID_IN_ALL:
            break
        said.insert(0, short)
    earlier = [Turn("visitor", " / ".join(said))] if said else []
    return [*earlier, *_turns(history)]


def _turns(history: Sequence[Turn], most: int = _HISTORY) -> list[Turn]:
    return [Turn(turn.role, neutral(_clipped(turn.text))) for turn in history[-most:]]


def _clipped(text: str, most: int = _TURN_CHARS) -> str:
    """The beginning of a turn. Not half of a number or address: what is left of one would not be known as private."""
    if len(text) <= most:
        return text
    said = text[:most].rsplit(maxsplit=1)[0] if not text[most].isspace() else text[:most]
    while (last := said.rsplit(maxsplit=1)) and any(char.isdigit() for char in last[-1]):
        said = last[0] if len(last) > 1 else ""
    return said


def leaks(text: str, prompt: Prompt) -> bool:
    """True if the output holds the marker or twelve words in a row of the system text (T17)."""
    if prompt.marker in text:
        return True
    said = re.findall(r"\w+", text.lower())
    if len(said) < 12:
        return False
    told = " ".join(re.findall(r"\w+", prompt.system.lower()))
    return any(" ".join(said[i : i + 12]) in told for i in range(len(said) - 11))


def version_of(rules: str, instructions: str) -> str:
    """Names all that an answer is asked with but the question: the shipped files, and the site's own words. Up to 24 characters."""
    own = json.dumps([rules, instructions]).encode()
    return f"{prompt_version()}-{hashlib.sha256(own).hexdigest()[:6] if rules or instructions else 'plain'}"


@cache
def prompt_version() -> str:
    """Names the files that an answer is asked with; another text has another version, whatever its version line says."""
    environment = _environment()
    loader = environment.loader
    assert loader is not None
    sources = [loader.get_source(environment, name)[0] for name in _ANSWER]
    told = hashlib.sha256("\0".join([shipped().rules, *sources]).encode()).hexdigest()[:6]
    return f"{shipped().name}-{shipped().version}-{told}"


@cache
def shipped() -> Shipped:
    """The answer prompt that comes with the package."""
    text = files("minidesk.answering").joinpath("prompts", _RULES).read_text(encoding="utf-8")
    head, _, rules = text.partition("\n\n")
    said = dict(line.split(": ", 1) for line in head.splitlines())
    return Shipped(said["name"], int(said["version"]), rules.strip())


def whole(rules: str, instructions: str) -> str:
    """All that a site's words say to the model, the shipped rules in the place of none: to be read and compared by people."""
    return f"{rules or shipped().rules}\n\n{instructions}".strip()


def _filled(rules: str, site_name: str) -> str:
    """Not by Jinja: a site's own rules are text, and no template that could compute."""
    return rules.replace("{site_name}", site_name or "a company").replace("{not_found}", NOT_FOUND)


@cache
def _environment() -> Environment:
    # Prompts are plain text, not HTML: escaping would change what the model reads.
    return Environment(
        loader=PackageLoader("minidesk.answering", "prompts"),
        autoescape=False,  # noqa: S701 (no HTML is made here; the answer passes text.render before a page)
        undefined=StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=False,
    )


def _render(name: str, **values: object) -> str:
    return _environment().get_template(name).render(**values).strip()
