"""The Site page as a context: every field with what stands in it, what is wrong with it, and what somebody else saved."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from minidesk.sites import Look, SiteView, contrast, on_accent
from minidesk.text.normalise import replace_surrogates
from minidesk.web.console.contexts import Shell
from minidesk.web.console.site_form import FIELDS, Values, written
from minidesk.web.console.start import ScriptStep
from minidesk.web.console.view import Translate


@dataclass(frozen=True, slots=True)
class Field:
    """A field. `saved` is what stands in the database where somebody else saved while this was written; None elsewhere."""

    value: str
    problem: str = ""
    saved: str | None = None


@dataclass(frozen=True, slots=True)
class Swatch:
    """How the launcher's colours look. Without `text` there is no readable colour for words on it."""

    accent: str
    text: str
    sentence: str


@dataclass(frozen=True, slots=True)
class SitePage:
    """The page. `version`: the settings that the form was made from."""

    shell: Shell
    fields: Mapping[str, Field]
    version: str
    script: ScriptStep
    swatch: Swatch
    zones: tuple[str, ...]
    saved: bool = False
    problem: str = ""


def fields_of(
    site: SiteView, values: Values | None, problems: Mapping[str, str], *, overtaken: bool = False
) -> dict[str, Field]:
    """The form's fields: the site's own, or `values` as they were written.

    `overtaken`: somebody else saved meanwhile, so that each field which differs shows what is saved now.
    """
    stored = written(site)
    shown = stored if values is None else values
    return {
        name: Field(
            replace_surrogates(shown[name]),
            problems.get(name, ""),
            stored[name] if overtaken and _differ(shown[name], stored[name]) else None,
        )
        for name in FIELDS
    }


def _differ(one: str, other: str) -> bool:
    return one.replace("\r\n", "\n").strip() != other.strip()


def swatch_of(accent: str, t: Translate) -> Swatch:
    """What a colour means for the words on it. It is tried as the settings would try it."""
    accent = accent.strip()
    try:
        checked = Look(accent=accent).accent
    except ValidationError as error:
        return Swatch("", "", error.errors()[0]["msg"].removeprefix("Value error, "))
    text = on_accent(checked) or ""
    ratio = f"{contrast(checked, text):.1f}"
    return Swatch(checked, text, t("site.contrast", ratio=ratio))
