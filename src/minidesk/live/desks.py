"""Which agents look at a conversation, and who writes in it: known to this process alone, and lost with it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

# The page says every few seconds that somebody types; a pause to think is longer than that, a tab that died silent.
WRITING = timedelta(seconds=12)
# Visitors remembered at once; above it, who stopped writing is forgotten.
VISITORS = 1000


def desk_topic(conversation_id: str) -> str:
    """Wakes the pages of agents when somebody comes, goes or writes; nothing of it is stored."""
    return f"desk:{conversation_id}"


@dataclass(frozen=True, slots=True)
class AgentHere:
    """Another agent who has the conversation open."""

    name: str
    writing: bool


class AgentsHere:
    """Counts the open pages of each conversation by agent, and keeps when each of them typed last."""

    def __init__(self) -> None:
        self._open: dict[str, Counter[str]] = {}
        self._names: dict[str, str] = {}  # of those who have a page open
        self._typed: dict[tuple[str, str], datetime] = {}
        self._visitors: dict[str, datetime] = {}

    @contextmanager
    def viewing(self, conversation_id: str, agent_id: str, name: str) -> Iterator[None]:
        """An agent has the conversation open while the block runs."""
        pages = self._open.setdefault(conversation_id, Counter())
        pages[agent_id] += 1
        self._names[agent_id] = name
        try:
            yield
        finally:
            pages[agent_id] -= 1
            if pages[agent_id] <= 0:
                del pages[agent_id]
                self._typed.pop((conversation_id, agent_id), None)
            if not pages and self._open.get(conversation_id) is pages:
                del self._open[conversation_id]
            if not any(agent_id in each for each in self._open.values()):
                self._names.pop(agent_id, None)

    def wrote(self, conversation_id: str, agent_id: str, now: datetime) -> None:
        """The agent types a reply. Ignored for who does not have the page open: nothing would take it away."""
        if agent_id in self._open.get(conversation_id, ()):
            self._typed[conversation_id, agent_id] = now

    def sent(self, conversation_id: str, agent_id: str) -> None:
        """What they typed is sent or thrown away."""
        self._typed.pop((conversation_id, agent_id), None)

    def reply_until(self, conversation_id: str, now: datetime) -> datetime | None:
        """Until when an agent counts as writing a reply; None where nobody writes."""
        writers = self._open.get(conversation_id, ())
        typed = [
            self._typed[conversation_id, each] for each in writers if self._writes(conversation_id, each, now)
        ]
        return max(typed) + WRITING if typed else None

    def visitor_wrote(self, conversation_id: str, now: datetime) -> None:
        """The visitor types a message."""
        if len(self._visitors) >= VISITORS:
            self._visitors = {id: at for id, at in self._visitors.items() if now - at < WRITING}
        self._visitors[conversation_id] = now

    def visitor_sent(self, conversation_id: str) -> None:
        """What the visitor typed is sent."""
        self._visitors.pop(conversation_id, None)

    def visitor_writes(self, conversation_id: str, now: datetime) -> bool:
        """Whether the visitor types right now."""
        typed = self._visitors.get(conversation_id)
        return typed is not None and now - typed < WRITING

    def others(self, conversation_id: str, agent_id: str, now: datetime) -> tuple[AgentHere, ...]:
        """The other agents who have the conversation open, those who write first."""
        here = [
            AgentHere(self._names.get(each, ""), self._writes(conversation_id, each, now))
            for each in self._open.get(conversation_id, ())
            if each != agent_id
        ]
        return tuple(sorted(here, key=lambda each: (not each.writing, each.name)))

    def _writes(self, conversation_id: str, agent_id: str, now: datetime) -> bool:
        typed = self._typed.get((conversation_id, agent_id))
        return typed is not None and now - typed < WRITING
