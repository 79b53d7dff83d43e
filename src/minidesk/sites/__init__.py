"""Sites: their settings, the pages that may embed them, their visitors and their hours."""

from minidesk.sites.actions import (
    SiteSettings,
    check_site_name,
    create_site,
    save_settings,
    set_origins,
    settings_version,
    update_config,
)
from minidesk.sites.attributes import Attribute, check_attributes
from minidesk.sites.config import (
    Holiday,
    Look,
    OpeningHours,
    SiteConfig,
    Span,
    config_of,
    contrast,
    nearest_accent,
    on_accent,
)
from minidesk.sites.hours import hours_line, is_open, next_opening
from minidesk.sites.identity import (
    IdentityInvalid,
    IdentityKeyView,
    NewIdentityKey,
    VerifiedPerson,
    create_identity_key,
    delete_identity_key,
    list_identity_keys,
    verify_identity,
)
from minidesk.sites.origins import allows, check_origin, link_hosts
from minidesk.sites.queries import SiteView, any_site_allows, list_sites, site_by_id, site_by_key
from minidesk.sites.sightings import Sighting, list_sightings, note_sighting, origin_of
from minidesk.sites.visitors import VisitorIdentity, Visitors, VisitorSession

__all__ = [
    "Attribute",
    "Holiday",
    "IdentityInvalid",
    "IdentityKeyView",
    "Look",
    "NewIdentityKey",
    "OpeningHours",
    "Sighting",
    "SiteConfig",
    "SiteSettings",
    "SiteView",
    "Span",
    "VerifiedPerson",
    "VisitorIdentity",
    "VisitorSession",
    "Visitors",
    "allows",
    "any_site_allows",
    "check_attributes",
    "check_origin",
    "check_site_name",
    "config_of",
    "contrast",
    "create_identity_key",
    "create_site",
    "delete_identity_key",
    "hours_line",
    "is_open",
    "link_hosts",
    "list_identity_keys",
    "list_sightings",
    "list_sites",
    "nearest_accent",
    "next_opening",
    "note_sighting",
    "on_accent",
    "origin_of",
    "save_settings",
    "set_origins",
    "settings_version",
    "site_by_id",
    "site_by_key",
    "update_config",
    "verify_identity",
]
