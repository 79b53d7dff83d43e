"""The Site page as a context: every field with what stands in it, what is wrong with it, and what somebody else saved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from minidesk.answering.guidance import conflicts
from minidesk.answering.topics import Caught
from minidesk.sites import Look, SiteView, contrast, on_accent
from minidesk.text.normalise import replace_surrogates
from minidesk.web.console.contexts import Shell
from minidesk.web.console.site_form import FIELDS, Values, written
from minidesk.web.console.start import ScriptStep
from minidesk.web.console.view import Translate


@dataclass(frozen=True, slots=True)
class Field:
    """A field. `saved` is what stands in the database where somebody else saved while this was written; None elsewhere.

    `notes`: what will not work as it is written, though it is kept.
    """

    value: str
    problem: str = ""
    saved: str | None = None
    notes: tuple[str, ...] = ()


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
    logo: str  # its address; empty: none
    zones: tuple[str, ...]
    saved: bool = False
    problem: str = ""


def fields_of(
    site: SiteView,
    values: Values | None,
    problems: Mapping[str, str],
    *,
    overtaken: bool = False,
    notes: Mapping[str, tuple[str, ...]] | None = None,
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
            (notes or {}).get(name, ()),
        )
        for name in FIELDS
    }


def _differ(one: str, other: str) -> bool:
    return one.replace("\r\n", "\n").strip() != other.strip()


def will_not_work(instructions: str, link_hosts: Iterable[str], t: Translate) -> tuple[str, ...]:
    """A sentence for each instruction that the proof will not let through. CPU work."""
    found = conflicts(instructions, frozenset(link_hosts))
    return tuple(t(f"site.guide.{one.kind}", words=one.words) for one in found)


def told(caught: Caught | None, t: Translate) -> str:
    """What becomes of a sentence that was tried against the topics."""
    if caught is None:
        return t("site.topic.none")
    if caught.by == "words":
        return t("site.topic.words", topic=caught.topic, words=caught.example)
    return t("site.topic.like", topic=caught.topic, words=caught.example, near=round(caught.near * 100))


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
