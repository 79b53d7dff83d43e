"""What an agent should know before reading: extracted, never written, so that each part can be checked at its source.

Summary: what it is about (the visitor's most telling sentence, in the third person where rules can put it so), what the
assistant already said, and what is wanted. A greeting or "give me a human" in its place is passed over.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from minidesk.conversations import MessageView
from minidesk.text.besides import besides
from minidesk.text.words import Span, content_stems, sentences
from minidesk.tickets import cues
from minidesk.tickets.entities import find_entities
from minidesk.tickets.records import Evidence, EvidencePart, Priority, Reason, Sentiment, Triage
from minidesk.tickets.retell import People, is_question, retell

# 60 words are read in 15 seconds; an agent with a full inbox reads no more. The parts share them.
ISSUE_WORDS = 21
WANTED_WORDS = 15
SUBJECT_CHARS = 80
MAX_TITLES = 2
SIGN_WORDS = 12  # of an angry sentence
MAX_SIGNS = 3  # of a mood or a priority; more would make it no surer
TITLE_WORDS = 6
A_MATTER = 3  # words with a meaning besides "an agent": fewer are how one asks for one
# A long thread's first and last messages say what matters; triage must not take seconds for a flood of text.
MAX_MESSAGES = 60
# Words that a model points at: one letter stands anywhere, and a whole message shows nothing.
MODEL_WORDS, MODEL_CHARS = 14, 3

# Where a text says that its writer is angry: (start, end) of its sentences.
AngerIn = Callable[[str], Sequence[tuple[int, int]]]

_WORD = re.compile(r"\S+")
_OF_THEMSELVES = re.compile(r"(?:i|we|my|our|can|could|would)\b", re.IGNORECASE)

# Lines of ours in a summary, which the console says in the agent's own language (`web/console/summaries.py`).
NO_ISSUE = "A visitor asks for a person"
TRIED = "Answered from: "
NEXT = {
    "customer_request": "Asked for a person.",
    "missing_knowledge": "Our pages do not say it.",
    "unsupported_request": "The assistant may not do this.",
    "policy": "A rule of the site asks for a person.",
    "angry_customer": "The customer is upset.",
    "model_failure": "The assistant could not answer.",
    "turn_limit": "The assistant did not solve it.",
    "agent_request": "An agent took over.",
}


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence of the visitor, and where it stands."""

    message_id: str
    start: int
    text: str
    turn: int  # of its message, from 0
    answered: bool = False  # from pages by the assistant, and nobody said that it did not help

    def clipped(self, max_words: int) -> str:
        """Its first words, cut at a space; what is left is still verbatim."""
        end = 0
        for i, word in enumerate(self.text.split()):
            if i == max_words:
                break
            end = self.text.index(word, end) + len(word)
        return self.text[:end]

    def evidence(self, part: EvidencePart, text: str) -> Evidence:
        """The evidence for a clip from its beginning."""
        return Evidence(part, self.message_id, self.start, self.start + len(text), text)


def triage(
    messages: Sequence[MessageView],
    *,
    reason: Reason,
    anger_in: AngerIn,
    products: Sequence[str] = (),
    country: str | None = None,
    visitor: str | None = None,
) -> Triage:
    """Read a conversation. CPU work without waiting: call it off the event loop.

    `anger_in` hears who is angry at whoever they write to: the same ears as the assistant's, so that the two agree. `visitor` is their name, if it is known. `products` and `country` (two letters) are for `find_entities`.
    """
    if len(messages) > MAX_MESSAGES:
        messages = [*messages[: MAX_MESSAGES // 2], *messages[-MAX_MESSAGES // 2 :]]
    said = _visitor_sentences(messages)
    subject, summary, evidence = _summarise(messages, said, reason, People(visitor) if visitor else People())
    sentiment, felt = _sentiment(messages, anger_in)
    priority, why, decided = _priority(messages, sentiment, felt)
    return Triage(
        subject=subject,
        summary=summary,
        evidence=(*evidence, *felt, *decided),
        entities=find_entities(messages, products=products, country=country),
        sentiment=sentiment,
        priority=priority,
        priority_why=why,
    )


def read_by_model(
    found: Triage,
    messages: Sequence[MessageView],
    *,
    summary: str,
    mood: Sentiment,
    mood_words: str,
    priority: Priority,
    priority_words: str,
) -> Triage:
    """`found` with what a model read: its summary, which the caller has checked, in the place of the quoted sentences.

    Mood and priority are only taken where the rules found nothing, and with words that the visitor wrote: what
    nobody can point at is not believed. Where the assistant answered from, and why a person is wanted, stays ours.
    """
    lines = found.summary.splitlines()
    ours = [line for line in lines if line.startswith(TRIED) or line in NEXT.values()]
    read = replace(found, summary="\n".join([summary, *ours]))
    felt = _pointed_at(messages, "sentiment", mood_words) if mood != "calm" else None
    if found.sentiment == "calm" and felt is not None:
        read = replace(read, sentiment=mood, evidence=(*read.evidence, felt))
        if mood == "angry" and found.priority == "normal":
            return _raised(
                read, "high", f"the visitor is angry (“{felt.text}”)", replace(felt, part="priority")
            )
    why = _pointed_at(messages, "priority", priority_words) if priority in ("high", "urgent") else None
    if found.priority == "normal" and why is not None:
        return _raised(read, priority, f"the visitor writes “{why.text}”", why)
    return read


def _raised(found: Triage, priority: Priority, why: str, evidence: Evidence) -> Triage:
    return replace(
        found,
        priority=priority,
        priority_why=f"{priority.capitalize()}: {why}.",
        evidence=(*found.evidence, evidence),
    )


def _pointed_at(messages: Sequence[MessageView], part: EvidencePart, said: str) -> Evidence | None:
    """Where the visitor wrote these words last; None where they did not, or where they are too many to point at anything."""
    said = said.strip(" \"'“”")
    if not 1 <= len(said.split()) <= MODEL_WORDS or len(said) < MODEL_CHARS:
        return None
    for message in reversed(messages):
        at = message.text.find(said) if message.author == "visitor" else -1
        if at >= 0:
            return Evidence(part, message.id, at, at + len(said), said)
    return None


def visitor_sentences(messages: Sequence[MessageView]) -> list[Evidence]:
    """What the visitor said that is more than a greeting or a wish for a person: one of it tells where the ticket goes."""
    return [s.evidence("team", s.text) for s in _visitor_sentences(messages) if not _only_greets(s.text)]


def _visitor_sentences(messages: Sequence[MessageView]) -> list[_Said]:
    answered = {m.reply_to for m in messages if m.citations and m.reply_to and m.helpful is not False}
    return [
        _Said(message.id, span.start + part.start, part.text, turn, message.id in answered)
        for turn, message in enumerate(messages)
        for span in (sentences(message.text) if message.author == "visitor" else ())
        # "I want to talk to a person, my tent came torn": the tent is the matter.
        for part in [besides(span.text, cues.only_asks_for_person) or Span(0, len(span.text), span.text)]
    ]


def _summarise(
    messages: Sequence[MessageView], said: list[_Said], reason: Reason, people: People
) -> tuple[str, str, tuple[Evidence, ...]]:
    parts: list[str] = []
    evidence: list[Evidence] = []
    telling = _most_telling(said)
    issue = telling[0] if telling else None
    subject = NO_ISSUE
    if issue is not None:
        clip = issue.clipped(ISSUE_WORDS)
        clip = clip[:1].upper() + clip[1:]  # it may be the end of a sentence
        subject = clip if len(clip) <= SUBJECT_CHARS else clip[: SUBJECT_CHARS - 1].rsplit(" ", 1)[0] + "…"
        parts.append(_line(issue, "issue", ISSUE_WORDS, people, evidence))
    tried, shown = _tried(messages)
    if tried:
        parts.append(tried)
        evidence.extend(shown)
    # "Give me a human" is the reason, and stands in the last line.
    wanted = next((s for s in telling[1:] if not cues.PERSON.search(s.text)), None)
    if wanted is not None:
        parts.append(_line(wanted, "wanted", WANTED_WORDS, people, evidence))
    parts.append(NEXT[reason])
    return subject, "\n".join(parts), tuple(evidence)


def _line(s: _Said, part: EvidencePart, limit: int, people: People, evidence: list[Evidence]) -> str:
    """The sentence in the third person, else quoted; its place joins the evidence."""
    clip = s.clipped(limit)
    told = retell(s.text, people)
    if told is None:
        clip = s.clipped(limit - 3)  # those that say who writes it
        evidence.append(s.evidence(part, clip))
        return f"{people.one} {'asks' if is_question(s.text) else 'writes'}: “{clip}”"
    words = told.split()
    told = " ".join(words[:limit]) + ("…" if len(words) > limit else ".")
    evidence.append(replace(s.evidence(part, clip), shown=told))
    return told


def _most_telling(said: list[_Said]) -> list[_Said]:
    """The sentences that one can act on, the one that tells most first.

    Early ones, long ones, questions and what they say of themselves: the weights are of a regression of ROUGE on dialogsum's
    sentences, but for problems and wishes: a customer's problem is the issue, and the wish has a line of its own.
    """
    weights = Counter(stem for s in said for stem in set(content_stems(s.text)))
    wrong_now = max((s.turn for s in said if not s.answered and cues.TROUBLE.search(s.text)), default=-1)

    def telling(s: _Said) -> float:
        stems = set(content_stems(s.text))
        length = len(s.text.split())
        # Long sentences hold more of everything, but by their number of words less and less.
        score = 0.04 * sum(min(weights[stem], 4) for stem in stems) / math.sqrt(max(6, len(stems)))
        score += 0.25 / (1 + s.turn) + 0.1 * min(length, 25) / 25 - 0.08 * (length < 5)
        problem = bool(cues.PROBLEM.search(s.text))
        score += 0.16 * problem + 0.05 * is_question(s.text)
        score += 0.1 * bool(cues.WANTS.search(s.text)) + 0.04 * bool(_OF_THEMSELVES.match(s.text))
        # An agent told of what was answered would answer it again. What went wrong is not over because a page speaks of it,
        # unless since then something else did.
        over = s.answered and not (cues.TROUBLE.search(s.text) and s.turn > wrong_now)
        # Who tells of customer service that did not answer says more than that a person is wanted.
        person = cues.PERSON.search(s.text) and len(content_stems(cues.PERSON.sub(" ", s.text))) < A_MATTER
        return score - 0.6 * bool(person) - 1.0 * over

    candidates = [s for s in said if len(content_stems(s.text)) > 0 and not _only_greets(s.text)]
    return sorted(candidates, key=telling, reverse=True)


def _only_greets(text: str) -> bool:
    return not content_stems(cues.PERSON.sub(" ", cues.GREETING.sub(" ", text)))


def _tried(messages: Sequence[MessageView]) -> tuple[str, list[Evidence]]:
    """What the assistant answered from, the latest first; the evidence is the sentence that cites it."""
    titles: list[str] = []
    evidence: list[Evidence] = []
    for message in reversed(messages):
        for citation in message.citations if message.author == "assistant" else ():
            title = " ".join(citation.title.split()[:TITLE_WORDS])
            if title in titles or len(titles) == MAX_TITLES or not citation.sentences:
                continue
            titles.append(title)
            start, end = citation.sentences[0]
            evidence.append(Evidence("tried", message.id, start, end, message.text[start:end]))
    if not titles:
        return "", []
    return TRIED + ", ".join(f"“{title}”" for title in titles), evidence


def _sentiment(messages: Sequence[MessageView], anger_in: AngerIn) -> tuple[Sentiment, tuple[Evidence, ...]]:
    latest = messages[::-1]  # how they feel now counts, not how they began
    said = [message for message in latest if message.author == "visitor"]
    angry = [_begun(message, *span) for message in said for span in anger_in(message.text)]
    if angry:
        return "angry", tuple(angry[:MAX_SIGNS])
    if worried := _signs("sentiment", cues.WORRIED, latest):
        return "worried", worried
    # Capitals and exclamation marks alone are no anger, but nobody writes so who is calm.
    for message in said:
        if (shout := cues.SHOUT.search(message.text)) is not None:
            return "worried", (Evidence("sentiment", message.id, *shout.span(), shout.group()),)
    return "calm", ()


def _begun(message: MessageView, start: int, end: int) -> Evidence:
    """The first words of a sentence that was heard: a page has no room for more beside a mood."""
    words = list(_WORD.finditer(message.text, start, end))
    end = words[SIGN_WORDS - 1].end() if len(words) > SIGN_WORDS else end
    return Evidence("sentiment", message.id, start, end, message.text[start:end])


def _signs(
    part: EvidencePart, pattern: re.Pattern[str], messages: Sequence[MessageView]
) -> tuple[Evidence, ...]:
    """The visitor's words that a pattern listens for, each once; several are a surer sign than one."""
    found: dict[str, Evidence] = {}
    for message in messages:
        for match in cues.every_cue(pattern, message.text) if message.author == "visitor" else ():
            words = match.group()
            found.setdefault(words.lower(), Evidence(part, message.id, match.start(), match.end(), words))
    return tuple(found.values())[:MAX_SIGNS]


def _priority(
    messages: Sequence[MessageView], sentiment: Sentiment, felt: tuple[Evidence, ...]
) -> tuple[Priority, str, tuple[Evidence, ...]]:
    for level, topic, pattern in cues.PRIORITY_RULES:
        if level == "low" and sentiment == "angry":
            continue
        if signs := _signs("priority", pattern, messages):
            said = ", ".join(f"“{each.text}”" for each in signs)
            return level, f"{level.capitalize()}: speaks of {topic} ({said}).", signs
    if sentiment == "angry":
        words = felt[0]
        because = Evidence("priority", words.message_id, words.start, words.end, words.text)
        return "high", f"High: the visitor is angry (“{words.text}”).", (because,)
    return "normal", "Normal: nothing in it is urgent.", ()
