"""Sites: their settings, the pages that may embed them, their visitors and their hours."""

from minidesk.sites.actions import create_site, set_origins, update_config
from minidesk.sites.config import (
    Holiday,
    Look,
    OpeningHours,
    SiteConfig,
    Span,
    config_of,
    nearest_accent,
    on_accent,
)
from minidesk.sites.hours import hours_line, is_open, next_opening
from minidesk.sites.origins import allows, check_origin, link_hosts
from minidesk.sites.queries import SiteView, any_site_allows, list_sites, site_by_id, site_by_key
from minidesk.sites.visitors import VisitorIdentity, Visitors, VisitorSession

__all__ = [
    "Holiday",
    "Look",
    "OpeningHours",
    "SiteConfig",
    "SiteView",
    "Span",
    "VisitorIdentity",
    "VisitorSession",
    "Visitors",
    "allows",
    "any_site_allows",
    "check_origin",
    "config_of",
    "create_site",
    "hours_line",
    "is_open",
    "link_hosts",
    "list_sites",
    "nearest_accent",
    "next_opening",
    "on_accent",
    "set_origins",
    "site_by_id",
    "site_by_key",
    "update_config",
]
