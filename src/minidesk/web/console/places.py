"""The pages that one can go to from anywhere: the tabs of the settings are some of them, the command bar offers all.

What stands in the rail and in the own menu is not told twice: the command bar reads those links from the page.
"""

from dataclasses import dataclass

from minidesk.accounts import Role


@dataclass(frozen=True, slots=True)
class Place:
    """A page: its address, the key of its name, and of the name of the part that it belongs to. `key` leads there from every page."""

    href: str
    name: str
    part: str
    role: Role = "agent"
    key: str = ""


# One row of tabs on each of these pages.
SETTINGS = (
    Place("/console/settings", "site.title", "nav.site", "admin"),
    Place("/console/teams", "teams.title", "nav.site", "admin"),
    Place("/console/rules", "rules.title", "nav.site", "admin"),
    Place("/console/policies", "policies.title", "nav.site", "admin"),
    Place("/console/people", "people.title", "nav.site", "admin"),
    Place("/console/audit", "audit.title", "nav.site", "admin"),
)
_VIEWS = ("mine", "unassigned", "team", "open", "waiting", "snoozed", "mentions", "assistant", "solved")
PLACES = (
    *(Place(f"/console/inbox?view={view}", f"inbox.view.{view}", "nav.inbox") for view in _VIEWS),
    Place("/console/search", "search.title", "nav.inbox"),
    Place("/console/blocked", "blocked.title", "nav.inbox"),
    Place("/console/docs/try", "try.title", "nav.docs", key="q"),
    Place("/console/docs/entries/new", "entry.new", "nav.docs", "editor", "a"),
    Place("/console/gaps", "gaps.title", "nav.docs", "editor"),
    Place("/console/overlaps", "overlaps.title", "nav.docs"),
    Place("/console/synonyms", "synonyms.title", "nav.docs", "editor"),
    *SETTINGS,
    Place("/console/identity", "identity.title", "nav.keys", "admin"),
    Place("/console/webhooks", "webhooks.title", "nav.keys", "admin"),
    Place("/console/prompts", "prompts.title", "nav.models", "admin"),
    Place("/console/experiments", "trial.title", "nav.models", "admin"),
)


def places_for(may_edit: bool, may_administer: bool) -> tuple[Place, ...]:
    """Those that somebody may see."""
    roles = {"agent": True, "editor": may_edit, "admin": may_administer}
    return tuple(place for place in PLACES if roles[place.role])
