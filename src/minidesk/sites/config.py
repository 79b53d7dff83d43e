"""What an owner can set for a site; kept as JSON in the site's row."""

import re
from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from minidesk.errors import Invalid, InvalidText
from minidesk.sites.nudges import parse_nudge
from minidesk.sites.translations import parse_translation, quick_replies_in, texts_in
from minidesk.text.normalise import check_text
from minidesk.text.redact import MAX_PATTERNS, id_pattern

WHITE, INK = "#FFFFFF", "#1D1C1A"
CONTRAST = 4.5  # WCAG 2.2, 1.4.3: text on the accent must be readable
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def _text(value: str) -> str:
    try:
        return check_text(value, 20_000)
    except InvalidText as error:
        raise ValueError(error.message) from error


def _colour(value: str) -> str:
    if not _COLOUR.fullmatch(value):
        raise ValueError("Write the colour as # and six digits, such as #1F5F5B.")
    if on_accent(value) is None:
        raise ValueError(
            f"No text is readable on this colour. The nearest one that works is {nearest_accent(value)}."
        )
    return value.upper()


def _https_url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[!-~]*)?", value):
        raise ValueError("Write the whole address, such as https://shop.example.com/privacy.")
    return value


def _zone(value: str) -> str:
    # Not `available_timezones`: it walks the system's folders, 6 ms each time that a site's settings are read.
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("This time zone is not known. Write one such as Europe/Vienna.") from error
    return value


def _rules(value: str) -> str:
    if value and "{not_found}" not in value:
        raise ValueError(
            "Keep {not_found} in the rules: it is the word that a model writes where the pages do not answer."
        )
    return value


def _form(value: str) -> str:
    try:
        id_pattern(value)
    except Invalid as error:
        raise ValueError(error.message) from error
    return value.strip()


def _nudge(value: str) -> str:
    try:
        parse_nudge(value)
    except Invalid as error:
        raise ValueError(error.message) from error
    return value


def _translation(value: str) -> str:
    try:
        parse_translation(value)
    except Invalid as error:
        raise ValueError(error.message) from error
    return value


Asked = Literal["off", "optional", "required"]
Line = Annotated[str, StringConstraints(max_length=400), AfterValidator(_text)]
Short = Annotated[str, StringConstraints(max_length=80), AfterValidator(_text)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Look(_Frozen):
    """How the widget looks."""

    accent: Annotated[str, AfterValidator(_colour)] = "#1F5F5B"
    position: Literal["left", "right"] = "right"
    launcher_text: Short = ""
    scheme: Literal["auto", "light", "dark"] = "auto"  # auto: as the visitor's system
    # Pixels from the page's edges to the launcher: other things may stand in that corner.
    side: int = Field(default=20, ge=0, le=200)
    bottom: int = Field(default=20, ge=0, le=200)
    logo: Annotated[str, StringConstraints(max_length=40_000)] = ""  # files.pictures.portrait in base64


class Span(_Frozen):
    """From `start` to `end` on one day, local time; an end at 00:00 is midnight. Several a day make a lunch break."""

    start: time
    end: time

    @model_validator(mode="after")
    def _ordered(self) -> "Span":
        if self.start >= self.end != time(0):
            raise ValueError("Opening hours must end after they start; split a night shift at midnight.")
        return self


class Holiday(_Frozen):
    """A day on which nobody is there."""

    day: date
    name: Short = ""


class OpeningHours(_Frozen):
    """When people answer. `week` has seven days, Monday first, each with its spans."""

    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    week: tuple[tuple[Span, ...], ...] = Field(default=((),) * 7, min_length=7, max_length=7)
    holidays: tuple[Holiday, ...] = Field(default=(), max_length=400)

    @property
    def zone(self) -> ZoneInfo:
        """The zone that the spans are in."""
        return ZoneInfo(self.time_zone)


class SiteConfig(_Frozen):
    """All of it; every field has a default, so that a new site works at once."""

    look: Look = Look()
    greeting: Line = ""
    placeholder: Short = ""
    assistant_line: Line = ""
    quick_replies: tuple[Short, ...] = Field(default=(), max_length=6)
    privacy_url: Annotated[str, StringConstraints(max_length=1000), AfterValidator(_https_url)] = ""
    # What is asked before the first message of a conversation (web.visitor_api.intake); a signed identity has told it already.
    ask_name: Asked = "off"
    ask_email: Asked = "off"
    ask_own: Asked = "off"
    own_question: Line = ""
    ask_consent: bool = False
    consent_text: Line = ""  # empty: our line in the visitor's language
    # Each `language | which | text` (sites.translations).
    translations: tuple[
        Annotated[
            str, StringConstraints(max_length=500), AfterValidator(_text), AfterValidator(_translation)
        ],
        ...,
    ] = Field(default=(), max_length=200)
    # Where the desk writes down no voice notes, the browser may: it can send the sound to its maker, so visitors are asked.
    browser_voice: bool = False
    # Each `page | seconds | percent | text` (sites.nudges): what the launcher says by itself, once a visitor.
    nudges: tuple[
        Annotated[str, StringConstraints(max_length=900), AfterValidator(_text), AfterValidator(_nudge)], ...
    ] = Field(default=(), max_length=10)
    link_hosts: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]{1,253}$")], ...] = Field(
        default=(), max_length=50
    )
    hours: OpeningHours | None = None
    reply_minutes: int | None = Field(default=None, ge=1, le=7 * 24 * 60)
    instructions: Annotated[str, StringConstraints(max_length=4000), AfterValidator(_text)] = ""
    # In the place of the shipped prompt's rules; empty: those. What a model writes is proved in any case.
    prompt_rules: Annotated[
        str, StringConstraints(max_length=8000), AfterValidator(_text), AfterValidator(_rules)
    ] = ""
    # Each `name: words; a whole sentence; …` (answering.topics); a message about one goes to a person, not to a model.
    person_topics: tuple[
        Annotated[str, StringConstraints(min_length=2, max_length=600), AfterValidator(_text)], ...
    ] = Field(default=(), max_length=40)
    languages: tuple[Annotated[str, StringConstraints(pattern="^[a-z]{2}$")], ...] = Field(
        default=(), max_length=20
    )
    # What a visitor writes of themselves is hidden from models; `private_forms`: the site's own numbers (text.redact).
    hide_private: bool = True
    private_forms: tuple[Annotated[str, AfterValidator(_form)], ...] = Field(
        default=(), max_length=MAX_PATTERNS
    )
    daily_budget_usd: float | None = Field(default=None, ge=0, le=100_000)
    # Days after its last message a conversation that is over is deleted (tickets.forgetting); None: it is kept.
    keep_days: int | None = Field(default=None, ge=1, le=3650)
    # How much of its answers the large tier may give; None: as the desk's settings say.
    large_share_max: float | None = Field(default=None, ge=0, le=1)
    large_daily_budget_usd: float | None = Field(default=None, ge=0, le=100_000)


def in_language(config: SiteConfig, language: str) -> SiteConfig:
    """The settings with the site's texts in a visitor's language, as far as they are translated."""
    if not config.translations:
        return config
    texts: dict[str, Any] = dict(texts_in(config.translations, language))
    if "launcher_text" in texts:
        texts["look"] = config.look.model_copy(update={"launcher_text": texts.pop("launcher_text")})
    replies = quick_replies_in(config.translations, language)
    return config.model_copy(update=texts | ({"quick_replies": replies} if replies else {}))


def config_of(raw: Mapping[str, Any]) -> SiteConfig:
    """A stored config. Raises `Invalid` with the first thing that is wrong, in a sentence."""
    try:
        return SiteConfig.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            f"The setting {where} cannot be used: {first['msg'].removeprefix('Value error, ')}"
        ) from error


def on_accent(accent: str) -> str | None:
    """The text colour that is readable on `accent`: white, else ink, else None."""
    for text in (WHITE, INK):
        if contrast(accent, text) >= CONTRAST:
            return text
    return None


def nearest_accent(accent: str) -> str:
    """`accent` darkened just so far that white text is readable on it."""
    red, green, blue = (int(accent[n : n + 2], 16) for n in (1, 3, 5))
    for percent in range(100, -1, -1):
        darker = "#" + "".join(f"{channel * percent // 100:02X}" for channel in (red, green, blue))
        if on_accent(darker):
            return darker
    return INK


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
