"""A desk after two busy years: sites, visitors, conversations, messages, tickets, tags, notes that name somebody, events.

Plain inserts, about 20 messages a conversation; the same on every run but for the days, which count back from now.

    python -m tests.benchmarks.desk_rows FOLDER --conversations 100000

makes FOLDER/data, on which `minidesk serve` can be started (MINIDESK_DATA_DIR=FOLDER/data).
"""

import argparse
import asyncio
import hashlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from minidesk.db import Database
from minidesk.db.migrate import migrate
from minidesk.db.models import (
    Agent,
    AgentSession,
    ApiKey,
    Base,
    Conversation,
    Event,
    Membership,
    Mention,
    Message,
    Site,
    Tag,
    Team,
    TeamMember,
    Ticket,
    TicketTag,
    Visitor,
)

SITES = ("ste_alpenglow", "ste_second")
KEYS = ("key_alpenglow", "key_second")
SHARES = (0.8, 0.2)  # of the conversations; the larger site is the one that is measured
AGENTS, TEAMS, TAGS = 24, 6, 40
DAYS = 730
MESSAGES = 20  # a conversation, in the mean
TICKETS = 0.3  # of the conversations
# Of the tickets of the last 30 % of the days; older ones are closed. The people have some 3,000 on their hands.
STATUSES = {"closed": 0.5, "solved": 0.17, "pending": 0.10, "open": 0.23}
SPAM, SNOOZED = 0.02, 0.06
EVENTS = 0.05  # of the conversations, the latest, still have their events
VISITORS = 0.6  # of the conversations: some come back
LOT = 1_000  # conversations of one transaction
RARE, FREQUENT, PAIR = "zephyrine", "order", ("refund", "parcel")
RARE_ONE_IN = 100_000  # messages
TOKEN = "a-session-of-the-benchmark"  # of a database that is thrown away
API_KEY = "mdk_" + "k" * 40
VISITOR_TOKEN = "a-visitor-of-the-benchmark-{n}"
SPOKEN_WITH = 2  # visitors with a token, each with a conversation that an agent holds

_SAID = """the my a to for and is was it when where how please still today yesterday again
order parcel refund return delivery invoice tent boots jacket stove rope size colour address card payment
voucher account password e-mail tracking number shipped broken torn missing late wrong exchange repair
warranty store Munich Vienna Zürich courier customs season sale stock reserve cancel change confirm"""


@dataclass(frozen=True, slots=True)
class Filled:
    """What was made: `agent_id` has TOKEN as a session; `spoken` are conversations of visitors 0, 1, … with a token."""

    conversations: int
    messages: int
    tickets: int
    agent_id: str
    spoken: tuple[str, ...]
    longest: str  # the conversation with most messages
    seconds: float


@dataclass
class _Lot:
    """Rows of one transaction, by table, in the order in which they refer to each other."""

    rows: dict[type[Base], list[dict[str, Any]]] = field(
        default_factory=lambda: {
            model: [] for model in (Visitor, Conversation, Message, Ticket, TicketTag, Mention, Event)
        }
    )

    async def store(self, db: Database) -> None:
        """Insert them."""
        async with db.write() as tx:
            connection = await tx.connection()
            for model, rows in self.rows.items():
                if rows:
                    await connection.execute(model.__table__.insert(), rows)  # type: ignore[attr-defined]  # a Table


class _Maker:
    """Makes conversations, the oldest first."""

    def __init__(self, count: int, now: datetime) -> None:
        self.random = random.Random(11)
        self.count, self.now = count, now
        self.numbers = dict.fromkeys(SITES, 0)
        self.visitors: dict[str, list[str]] = {site: [] for site in SITES}
        self.spoken: list[str] = []
        self.messages = self.tickets = 0
        self.longest = (0, "")
        chosen = random.Random(5)
        words = _SAID.split()
        self.phrases = [
            " ".join(chosen.choices(words, k=chosen.randint(5, 16))).capitalize() + "." for _ in range(4_000)
        ]

    def id(self, prefix: str, at: datetime) -> str:
        """As the product's: milliseconds first."""
        return f"{prefix}_{int(at.timestamp() * 1000):011x}{self.random.getrandbits(80):020x}"

    def text(self, phrases: int) -> str:
        """Some sentences; one message in RARE_ONE_IN has the rare word."""
        text = " ".join(self.random.choices(self.phrases, k=phrases))
        return text if self.random.random() >= 1 / RARE_ONE_IN else f"{text} {RARE}"

    def lots(self) -> Iterator[_Lot]:
        """All of them, by LOT."""
        for start in range(0, self.count, LOT):
            lot = _Lot()
            for n in range(start, min(self.count, start + LOT)):
                self._conversation(lot, n)
            yield lot

    def _conversation(self, lot: _Lot, n: int) -> None:
        r = self.random
        left = 1 - n / self.count  # of all days
        begun = self.now - timedelta(days=DAYS * left, minutes=300 + r.random() * 600)
        spoken = n >= self.count - SPOKEN_WITH
        site = SITES[0] if spoken else r.choices(SITES, SHARES)[0]
        ticketed = spoken or r.random() < TICKETS
        status = self._status(left) if ticketed else None
        if spoken:
            status = "open"
        spam = not spoken and r.random() < SPAM
        agent = f"agt_{r.randrange(AGENTS):03}"
        if spoken:
            agent = "agt_000"
        assigned = status is not None and (spoken or r.random() < 0.75)
        holder = "assistant"
        if status in ("open", "pending"):
            holder = "agent" if assigned else "queue"
        elif spam or status == "closed" or (status is None and left > 0.1):
            holder = "closed"
        row = {
            "id": self.id("cnv", begun),
            "site_id": site,
            "visitor_id": self._visitor(lot, site, begun, spoken),
            "holder": holder,
            "holder_agent_id": agent if holder == "agent" else None,
            "not_found_count": 0,
            "page_url": "https://shop.example.com/products/tents?id=7",
            "page_title": "Tents",
            "locale": r.choice(("en", "de", "fr")),
            "rating": r.choice((None, None, None, 3, 5)),
            "spam_at": begun if spam else None,
            "created_at": begun,
        }
        last, seq, noted = self._messages(lot, row, agent if ticketed else None, recent=left <= EVENTS)
        events = seq if left <= EVENTS else 0
        lot.rows[Conversation].append(row | {"last_seq": seq, "last_event": events, "last_message_at": last})
        self.longest = max(self.longest, (seq, str(row["id"]))) if site == SITES[0] else self.longest
        if spoken:
            self.spoken.append(str(row["id"]))
        if noted and r.random() < 0.5:
            lot.rows[Mention].append(
                {
                    "message_id": noted, "agent_id": "agt_000", "site_id": site, "conversation_id": row["id"],
                    "created_at": last, "read_at": None if left < 0.02 else last,
                }
            )  # fmt: skip
        if status is not None:
            self._ticket(lot, row, status, agent if assigned else None, last)

    def _status(self, left: float) -> str:
        if left > 0.3:
            return "closed"
        return self.random.choices(list(STATUSES), list(STATUSES.values()))[0]

    def _visitor(self, lot: _Lot, site: str, at: datetime, spoken: bool) -> str:
        r, known = self.random, self.visitors[site]
        if known and not spoken and r.random() > VISITORS:
            return known[-1 - r.randrange(min(len(known), 20_000))]
        id = self.id("vis", at)
        token = VISITOR_TOKEN.format(n=len(self.spoken)) if spoken else id
        named = r.random() < 0.4
        lot.rows[Visitor].append(
            {
                "id": id, "site_id": site, "token_hash": hashlib.sha256(token.encode()).hexdigest(),
                "name": f"Visitor {id[-4:]}" if named else None,
                "email": f"{id[-8:]}@example.com" if named else None, "verified": False, "browser": "Firefox/140.0",
                "created_at": at, "last_seen_at": at, "expires_at": self.now + timedelta(days=30),
            }
        )  # fmt: skip
        if not spoken:
            known.append(id)
        return id

    def _messages(
        self, lot: _Lot, row: dict[str, Any], agent: str | None, *, recent: bool
    ) -> tuple[datetime, int, str | None]:
        """The last one's time and number, and a note if there is one."""
        r, at, noted = self.random, row["created_at"], None
        count = min(400, max(2, round(r.lognormvariate(2.72, 0.75))))
        asked: str | None = None
        for seq in range(1, count + 1):
            at += timedelta(seconds=r.randint(3, 40))
            id, author = self.id("msg", at), ("visitor" if seq % 2 else "assistant")
            if author == "assistant" and agent and seq > 6:
                author = "note" if r.random() < 0.1 else "agent"
                noted = id if author == "note" else noted
            by_agent = author in ("agent", "note")
            text = self.text(1 if author == "visitor" else 2)
            lot.rows[Message].append(
                {
                    "id": id, "conversation_id": row["id"], "seq": seq, "author": author,
                    "agent_id": agent if by_agent else None, "client_id": f"c{seq}" if seq % 2 else None,
                    "reply_to": asked if author == "assistant" else None, "text": text, "state": "done", "attempt": 1,
                    "outcome": "reply" if author == "assistant" else None, "offer_person": False, "choices": [],
                    "cost_micros": 0, "created_at": at,
                }
            )  # fmt: skip
            asked = id if author == "visitor" else asked
            if recent:
                lot.rows[Event].append(
                    {
                        "conversation_id": row["id"], "site_id": row["site_id"], "n": seq, "type": "message",
                        "audience": "agents" if author == "note" else "all",
                        "data": {"id": id, "seq": seq, "author": author, "text": text, "at": at.isoformat()},
                        "created_at": at,
                    }
                )  # fmt: skip
        self.messages += count
        return at, count, noted

    def _ticket(
        self, lot: _Lot, row: dict[str, Any], status: str, assignee: str | None, last: datetime
    ) -> None:
        r, site = self.random, row["site_id"]
        self.numbers[site] += 1
        self.tickets += 1
        opened = row["created_at"] + timedelta(minutes=2)
        active, id = status in ("open", "pending"), self.id("tkt", opened)
        asleep = active and assignee != "agt_000" and r.random() < SNOOZED
        lot.rows[Ticket].append(
            {
                "id": id, "site_id": site, "conversation_id": row["id"], "number": self.numbers[site],
                "status": status, "reason": r.choice(("customer_request", "missing_knowledge", "policy")),
                "subject": self.text(1)[:80], "summary": f"Issue: “{self.text(1)}”\nWants: “{self.text(1)}”",
                "evidence": [], "entities": [],
                # Whom the benchmark speaks with stands on the first page.
                "priority": "urgent" if row["id"] in self.spoken else r.choices(("low", "normal", "high", "urgent"), (10, 70, 15, 5))[0],
                "priority_why": "Normal: no word asks for more or less.",
                "sentiment": r.choices(("calm", "worried", "angry"), (80, 12, 8))[0],
                "team_id": f"tem_{SITES.index(site)}_{r.randrange(TEAMS)}", "team_score": 0.4, "assignee_id": assignee,
                "response_due_at": opened + timedelta(hours=4),
                "responded_at": opened + timedelta(hours=1) if assignee else None,
                "due_at": opened + timedelta(hours=4) if active and not assignee else None,
                "late_told_at": opened + timedelta(hours=4) if not assignee else None,
                "solved_at": None if active else min(self.now - timedelta(hours=1), last + timedelta(hours=1)),
                "snoozed_until": self.now + timedelta(days=r.uniform(0.5, 20)) if asleep else None,
                "created_at": opened, "updated_at": last,
            }
        )  # fmt: skip
        for tag in r.sample(range(TAGS), r.choice((0, 1, 1, 2))):
            lot.rows[TicketTag].append({"ticket_id": id, "tag_id": f"tag_{SITES.index(site)}_{tag}"})


def _people(now: datetime, made: datetime) -> dict[type[Base], list[dict[str, Any]]]:
    """Sites, agents, teams and tags; the first agent is signed in."""
    agents = [f"agt_{n:03}" for n in range(AGENTS)]
    return {
        Site: [
            {"id": site, "key": key, "name": site.removeprefix("ste_").title(), "allowed_origins": [], "config": {},
             "knowledge_revision": 0, "ticket_count": 0, "created_at": made}
            for site, key in zip(SITES, KEYS, strict=True)
        ],
        Agent: [
            {"id": id, "email": f"{id}@example.com", "name": f"Agent{n} Example", "password_hash": "-",
             "operator": False, "created_at": made}
            for n, id in enumerate(agents)
        ],
        AgentSession: [
            {"id": "ses_benchmark", "token_hash": hashlib.sha256(TOKEN.encode()).hexdigest(), "agent_id": agents[0],
             "csrf_token": "csrf", "created_at": now, "last_seen_at": now, "expires_at": now + timedelta(days=10)}
        ],
        ApiKey: [
            {"id": "apk_benchmark", "site_id": SITES[0], "name": "Benchmark", "prefix": API_KEY[:12],
             "key_hash": hashlib.sha256(API_KEY.encode()).hexdigest(), "scopes": ["conversations:read", "tickets:read"],
             "created_at": made}
        ],
        Membership: [
            {"id": f"mem_{s}_{n}", "agent_id": id, "site_id": site, "role": "admin"}
            for s, site in enumerate(SITES) for n, id in enumerate(agents)
        ],
        Team: [
            {"id": f"tem_{s}_{n}", "site_id": site, "name": f"Team {n}", "description": "", "created_at": made}
            for s, site in enumerate(SITES) for n in range(TEAMS)
        ],
        TeamMember: [
            {"id": f"tmm_{s}_{n}", "team_id": f"tem_{s}_{n % TEAMS}", "agent_id": id}
            for s in range(len(SITES)) for n, id in enumerate(agents)
        ],
        Tag: [
            {"id": f"tag_{s}_{n}", "site_id": site, "name": f"tag-{n}", "folded": f"tag-{n}", "created_at": made}
            for s, site in enumerate(SITES) for n in range(TAGS)
        ],
    }  # fmt: skip


async def fill(db: Database, conversations: int, now: datetime | None = None) -> Filled:
    """Fill a migrated, empty database."""
    began = time.perf_counter()
    now = now or datetime.now(UTC)
    await _Lot(_people(now, now - timedelta(days=DAYS + 1))).store(db)
    maker = _Maker(conversations, now)
    for lot in maker.lots():
        await lot.store(db)
    async with db.write() as tx:
        for site, number in maker.numbers.items():
            (await tx.get_one(Site, site)).ticket_count = number
    return Filled(
        conversations,
        maker.messages,
        maker.tickets,
        "agt_000",
        tuple(maker.spoken),
        maker.longest[1],
        time.perf_counter() - began,
    )


async def make_desk(folder: Path, conversations: int) -> Filled:
    """A filled SQLite database in folder/data."""
    data = folder / "data"
    data.mkdir(parents=True)
    db = Database(f"sqlite+aiosqlite:///{data}/minidesk.db")
    try:
        await migrate(db, data)
        return await fill(db, conversations)
    finally:
        await db.close()


def main() -> None:
    """Make one, and say what it holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--conversations", type=int, default=100_000)
    arguments = parser.parse_args()
    print(asyncio.run(make_desk(arguments.folder, arguments.conversations)))


if __name__ == "__main__":
    main()
