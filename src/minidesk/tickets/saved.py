"""Searches that an agent keeps under a name: their own, in one site; nobody else sees them.

What is searched for is the query string of the search page, as that page writes it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from minidesk.accounts import access_site
from minidesk.db import Tx
from minidesk.db.models import SavedSearch, Site, new_id
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.text.normalise import check_text

NAME_CHARS = 60  # the column's
SAVED_MAX = 20  # of an agent in a site: they stand in one list


@dataclass(frozen=True, slots=True)
class SavedView:
    """A saved search. `query` is what stands behind the question mark."""

    id: str
    name: str
    query: str


async def list_saved(tx: Tx, site_id: str, agent_id: str) -> list[SavedView]:
    """This agent's own in the site, by name; the caller has checked that the agent works there."""
    query = select(SavedSearch.id, SavedSearch.name, SavedSearch.query)
    query = query.where(SavedSearch.site_id == site_id, SavedSearch.agent_id == agent_id)
    rows = await tx.execute(query.order_by(func.lower(SavedSearch.name), SavedSearch.id))
    return [SavedView(id, name, asked) for id, name, asked in rows]


async def save_search(tx: Tx, site_id: str, agent_id: str, *, name: str, query: str, now: datetime) -> str:
    """Keep a search; gives its id. Raises NotFound, Invalid, and Conflict for a name that the agent has already."""
    there = await _lock_own(tx, site_id, agent_id)
    label = _checked(name, there, "")
    if len(there) >= SAVED_MAX:
        raise Invalid(f"You can save up to {SAVED_MAX} searches. Remove one first.", code="too_many_searches")
    row = SavedSearch(
        id=new_id("svs"), site_id=site_id, agent_id=agent_id, name=label, query=query, created_at=now
    )
    tx.add(row)
    await tx.flush()
    return row.id


async def rename_saved(tx: Tx, site_id: str, agent_id: str, saved_id: str, name: str) -> None:
    """Give an own search another name. Raises as `save_search`, and NotFound for what is not theirs."""
    there = await _lock_own(tx, site_id, agent_id)
    row = await tx.get(SavedSearch, _own(saved_id, there))
    if row is None:
        raise NotFound
    row.name = _checked(name, there, saved_id)


async def delete_saved(tx: Tx, site_id: str, agent_id: str, saved_id: str) -> SavedView:
    """Remove an own search; gives what it was. Raises NotFound."""
    there = await _lock_own(tx, site_id, agent_id)
    await tx.execute(delete(SavedSearch).where(SavedSearch.id == _own(saved_id, there)))
    return next(each for each in there if each.id == saved_id)


def _own(saved_id: str, there: list[SavedView]) -> str:
    if not any(each.id == saved_id for each in there):
        raise NotFound
    return saved_id


def _checked(name: str, there: list[SavedView], but: str) -> str:
    """The name as it is stored. In the list nothing but the name tells two searches apart."""
    label = " ".join(check_text(name, NAME_CHARS * 4).split())
    if not 0 < len(label) <= NAME_CHARS:
        raise Invalid(f"Give the search a name of 1 to {NAME_CHARS} characters.", code="search_name_invalid")
    if label.casefold() in {each.name.casefold() for each in there if each.id != but}:
        raise Conflict(f"You have a search “{label}” already. Choose another name.", code="search_name_taken")
    return label


async def _lock_own(tx: Tx, site_id: str, agent_id: str) -> list[SavedView]:
    """The agent's searches, one change at a time: two windows must not pass the limit, or take one name, together."""
    await access_site(tx, agent_id, site_id)
    await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))
    return await list_saved(tx, site_id, agent_id)
