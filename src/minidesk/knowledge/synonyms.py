"""Words that mean the same in a site: "parcel, package, shipment". A question with one of them finds pages with another."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from minidesk.db import Database, Tx
from minidesk.db.models import Site, SynonymGroups
from minidesk.errors import Invalid, NotFound
from minidesk.text.normalise import check_text
from minidesk.text.words import STOPWORDS, stem, words

# What somebody writes by hand; a thesaurus of 10,000 lines would make every question mean everything.
GROUPS, MEMBERS = 200, 12
MEMBER_WORDS, MEMBER_CHARS = 4, 60
TEXT_CHARS = 40_000
# A question may come this much later than a change and still be searched as before.
FRESH_SECONDS = 2.0
# Words of one question that are looked up in groups, and ways that each gets: more would drown it.
MOST_WORDS = 6

Groups = tuple[tuple[str, ...], ...]
# What else to look for, by a word of the question (lower case).
Alternates = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Synonyms:
    """A site's groups, ready to be looked up."""

    groups: Groups = ()

    def alternates(self, question: str) -> dict[str, tuple[str, ...]]:
        """What else the words of a question may be called: by each word of what was found, the group's others.

        Inflected forms count ("parcels"); of two members the longer one is meant ("gift card" before "card").
        """
        if not self.groups:
            return {}
        said = words(question)
        stems = [stem(word) for word in said]
        index = {key: group for group in self.groups for key in map(_key, group)}
        longest = max(map(len, index))
        found: dict[str, tuple[str, ...]] = {}
        at = 0
        while at < len(said) and len(found) < MOST_WORDS:
            width = next((n for n in range(longest, 0, -1) if tuple(stems[at : at + n]) in index), 0)
            if width:
                key = tuple(stems[at : at + width])
                others = tuple(member for member in index[key] if _key(member) != key)
                found.update(dict.fromkeys(said[at : at + width], others))
            at += width or 1
        return found

    def expand(self, question: str) -> str:
        """The question with the other words behind it, as it is embedded; unchanged where there are none.

        Of twelve questions with a shop's odd words, seven were answered when only the words were looked up, and ten
        with this.
        """
        groups = dict.fromkeys(self.alternates(question).values())
        others = [member for members in groups for member in members]
        return f"{question} ({', '.join(others)})" if others else question


class SynonymBook:
    """Every site's synonyms, read at most every `FRESH_SECONDS`."""

    def __init__(self, db: Database, timer: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._timer = timer
        self._known: dict[str, tuple[float, Synonyms]] = {}

    async def of(self, site_id: str) -> Synonyms:
        """The site's synonyms."""
        now = self._timer()
        read_at, known = self._known.get(site_id, (now - FRESH_SECONDS, Synonyms()))
        if now - read_at < FRESH_SECONDS:
            return known
        async with self._db.read() as tx:
            known = Synonyms(await read_groups(tx, site_id))
        self._known[site_id] = (now, known)
        return known


async def read_groups(tx: Tx, site_id: str) -> Groups:
    """The site's groups, as they were written."""
    raw = await tx.scalar(select(SynonymGroups.groups).where(SynonymGroups.site_id == site_id))
    return tuple(tuple(map(str, group)) for group in raw or ())


async def write_groups(tx: Tx, site_id: str, groups: Groups, now: datetime) -> None:
    """Replace the site's groups by those that `check_groups` gave. Raises NotFound for an unknown site."""
    if await tx.get(Site, site_id, with_for_update=True) is None:
        raise NotFound
    row = await tx.get(SynonymGroups, site_id)
    if row is None:
        tx.add(SynonymGroups(site_id=site_id, groups=[list(group) for group in groups], updated_at=now))
    else:
        row.groups, row.updated_at = [list(group) for group in groups], now
    await tx.flush()


def check_groups(raw: str) -> Groups:
    """Groups as somebody wrote them: one a line, words with commas between. Raises Invalid with the line that is wrong."""
    text = check_text(raw, TEXT_CHARS)
    groups: list[tuple[str, ...]] = []
    where: dict[tuple[str, ...], str] = {}  # what a member is compared by → its line
    for line in text.splitlines():
        members = tuple(
            dict.fromkeys(" ".join(part.split()).lower() for part in line.split(",") if part.strip())
        )
        if not members:
            continue
        _check_group(line.strip(), members)
        for member in members:
            other = where.setdefault(_key(member), line.strip())
            if other != line.strip():
                raise _invalid(f"“{member}” stands in two groups. Keep it in one of them, or join the two.")
        groups.append(members)
    if len(groups) > GROUPS:
        raise _invalid(f"There can be {GROUPS} groups. Remove those that matter least.")
    return tuple(groups)


def _check_group(line: str, members: Sequence[str]) -> None:
    shown = line if len(line) <= 80 else f"{line[:80]}…"
    if len({_key(member) for member in members}) < 2:
        raise _invalid(f"“{shown}” is one word only. Write at least two, with a comma between.")
    if len(members) > MEMBERS:
        raise _invalid(f"“{shown}” has {len(members)} words. A group can have {MEMBERS}.")
    for member in members:
        said = words(member)
        if not said or len(said) > MEMBER_WORDS or len(member) > MEMBER_CHARS:
            raise _invalid(
                f"“{member[:80]}” cannot be used: write one to {MEMBER_WORDS} words between two commas."
            )
        if all(word in STOPWORDS for word in said):
            raise _invalid(f"“{member}” is in every question, so it would find every page. Remove it.")


def _key(member: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in words(member))


def _invalid(sentence: str) -> Invalid:
    return Invalid(sentence, code="synonyms_invalid")
