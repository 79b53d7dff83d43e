"""Texts with marks: citation numbers in an answer, pressable evidence in a summary."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from minidesk.conversations import CitationView
from minidesk.text.render import render_markdown
from minidesk.web.console.contexts import Segment

# Private-use characters stand where a number goes while Markdown is rendered: no text of ours holds them, and what
# comes from outside is cleared of them first.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([0-9]{{1,4}}){_CLOSE}")
_STRAY = str.maketrans({_OPEN: "\ufffd", _CLOSE: "\ufffd"})


def plain(text: str, link_hosts: Collection[str] = ()) -> Markup:
    """Text from outside through the one renderer."""
    return Markup(render_markdown(text, link_hosts=link_hosts))  # noqa: S704 (the renderer's allow-list made it safe)


def cited(text: str, citations: Sequence[CitationView], link_hosts: Collection[str] = ()) -> Markup:
    """An answer with each citation's number behind the sentences that it bears."""
    ends: dict[int, list[int]] = {}
    for citation in citations:
        for _, end in citation.sentences:
            ends.setdefault(end, []).append(citation.n)
    return numbered(text, ends, {c.n: f"{c.title}: “{c.quote}”" for c in citations}, link_hosts)


def numbered(
    text: str, ends: Mapping[int, Sequence[int]], hints: Mapping[int, str], link_hosts: Collection[str] = ()
) -> Markup:
    """Markdown with the numbers of `ends` (character → numbers, behind the word before it), each with its hint."""
    text = text.translate(_STRAY)
    for end in sorted(ends, reverse=True):
        at = len(text[:end].rstrip())
        text = text[:at] + "".join(f"{_OPEN}{n}{_CLOSE}" for n in ends[end]) + text[at:]

    def number(match: re.Match[str]) -> str:
        n = int(match.group(1))
        return Markup('<span class="cite" title="{}">{}</span>').format(hints.get(n, ""), n)

    html = render_markdown(text, link_hosts=link_hosts)
    return Markup(_MARK.sub(number, html))  # noqa: S704 (the renderer's allow-list made it safe; the numbers are ours)


@dataclass(frozen=True, slots=True)
class LateText:
    """A message's text that becomes HTML where a template shows it: what a page has already is never rendered.

    `citations` of an answer; None: it is shown as it was written.
    """

    text: str
    citations: Sequence[CitationView] | None
    link_hosts: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.text.strip())

    def __html__(self) -> str:
        if self.citations is None:
            return plain(self.text, self.link_hosts)
        return cited(self.text, self.citations, self.link_hosts)


def evident(text: str, evidence: Iterable[tuple[str, str, str]]) -> tuple[Segment, ...]:
    """`text` cut where it says what a message says.

    `evidence` holds (message id, its words, how `text` puts them: "" for just so); the longest is marked first.
    """
    spans: list[tuple[int, int, str, str]] = []
    for message, said, shown in sorted(evidence, key=lambda one: -len(one[1])):
        words, wanted = (each.strip().rstrip(".…!?,;: ") for each in (said, shown or said))
        at = text.find(wanted) if wanted else -1
        if at < 0 or any(at < end and start < at + len(wanted) for start, end, _, _ in spans):
            continue
        spans.append((at, at + len(wanted), message, words))
    found: list[Segment] = []
    done = 0
    for start, end, message, words in sorted(spans):
        if start > done:
            found.append(Segment(text[done:start]))
        found.append(Segment(text[start:end], message, words))
        done = end
    if done < len(text):
        found.append(Segment(text[done:]))
    return tuple(found)


# Of safe HTML: a tag with its quoted values, an entity, or the text between them. Only the text is looked through.
_PIECES = re.compile(r"""(<(?:[^<>"']|"[^"]*"|'[^']*')*>|&#?\w+;)""")


def marked(body: Markup | LateText, words: Sequence[str]) -> Markup:
    """Safe HTML with `words` marked wherever its text holds them, whatever their case."""
    wanted = sorted({word for word in words if word}, key=len, reverse=True)
    if not wanted:
        return Markup.escape(body)
    found = re.compile("|".join(re.escape(word) for word in wanted), re.IGNORECASE)
    pieces = _PIECES.split(str(Markup.escape(body)))
    for at in range(0, len(pieces), 2):  # every second piece is a tag or an entity
        pieces[at] = found.sub(r"<mark>\g<0></mark>", pieces[at])
    return Markup("".join(pieces))  # noqa: S704 (it was safe, and only <mark> was put around words of its own text)
