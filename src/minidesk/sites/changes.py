"""A part of a site's settings changed by a program: the rest stays, and the rules are the page's own."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from minidesk.db import Tx
from minidesk.errors import Invalid
from minidesk.sites.actions import SiteSettings, save_settings, settings_version
from minidesk.sites.config import OpeningHours, SiteConfig, Span
from minidesk.sites.queries import SiteView, site_by_id

# A picture has a door of its own, which makes it small and harmless; text sent here would be neither.
_NOT_HERE = {"look": frozenset({"logo"})}
# As forms and the log name them, Monday first.
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Parts that are given field by field, as the page shows them; all others are replaced whole.
_IN_PARTS = ("look",)


async def change_settings(
    tx: Tx,
    site_id: str,
    *,
    fields: Mapping[str, Any],
    name: str | None,
    origins: Sequence[str] | None,
    version: str | None,
    by: str,
    now: datetime,
) -> tuple[SiteView, SiteView]:
    """Change what is named and keep the rest; the site before and after. None: stays.

    `version`: of the settings that the change was made from (`settings_version`); None: whatever stands there now.
    Raises `Conflict` where they are others by now, `NotFound`, `Invalid`, and pydantic's
    `ValidationError`, whose places are those of `fields`.
    """
    before = await site_by_id(tx, site_id)
    config = _changed(before.config, fields)
    settings = SiteSettings(
        before.name if name is None else name,
        before.allowed_origins if origins is None else tuple(origins),
        config,
    )
    await save_settings(tx, site_id, settings, version=version or settings_version(before), by=by, now=now)
    return before, await site_by_id(tx, site_id)


def public_settings(config: SiteConfig) -> dict[str, Any]:
    """The settings as `change_settings` takes them."""
    return config.model_dump(mode="json", exclude={part: set(names) for part, names in _NOT_HERE.items()})


def told_apart(site: SiteView) -> dict[str, Any]:
    """The settings as the audit log compares them, a field of the page each: of long ones it keeps only that they changed."""
    told = {"name": site.name, "origins": site.allowed_origins, **public_settings(site.config)}
    look, _ = told.pop("look"), told.pop("hours")
    hours = site.config.hours or OpeningHours()
    return {
        **told,
        **look,
        **{day: spans_text(spans) for day, spans in zip(DAYS, hours.week, strict=True)},
        "time_zone": hours.time_zone,
        "holidays": [f"{each.day} {each.name}".strip() for each in hours.holidays],
    }


def spans_text(spans: Sequence[Span]) -> str:
    """Such as `09:00–12:30, 13:30–24:00`."""
    return ", ".join(
        f"{span.start:%H:%M}–{'24:00' if span.end == time(0) else f'{span.end:%H:%M}'}" for span in spans
    )


def _changed(config: SiteConfig, fields: Mapping[str, Any]) -> SiteConfig:
    stored = config.model_dump(mode="json")
    for name, value in fields.items():
        if name not in stored:
            raise Invalid(f"There is no setting {name}. See the API's description for those that there are.")
        if name not in _IN_PARTS:
            stored[name] = value
            continue
        if not isinstance(value, Mapping):
            raise Invalid(f"Send the setting {name} as a JSON object.")
        for part, of_part in value.items():
            if part not in stored[name] or part in _NOT_HERE.get(name, ()):
                raise Invalid(f"There is no setting {name}.{part} here.")
            stored[name][part] = of_part
    # As JSON, so that times and days are texts while all else is taken as strictly as in any other body.
    changed = SiteConfig.model_validate_json(json.dumps(stored), strict=True)
    hours = changed.hours
    if changed.ask_own != "off" and not changed.own_question.strip():
        raise Invalid("The setting own_question is missing: write the question, or set ask_own to off.")
    if hours is not None and not any(hours.week):
        if hours.holidays:
            raise Invalid(
                "The setting hours.holidays has no use without opening hours: write hours.week too."
            )
        changed = changed.model_copy(update={"hours": None})  # as the page has it: people keep no hours
    return changed
