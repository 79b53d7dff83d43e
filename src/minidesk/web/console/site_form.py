"""A site's settings as the texts of a form, and back."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from minidesk.errors import Invalid
from minidesk.sites import (
    DAYS,
    OpeningHours,
    SiteConfig,
    SiteSettings,
    SiteView,
    check_origin,
    check_site_name,
    spans_text,
)
from minidesk.web.console.view import Translate

_LOOK = ("accent", "position", "launcher_text", "scheme", "side", "bottom")
_NEW_LOOK = ("scheme", "side", "bottom")  # a form that does not know them leaves them as they are
_TEXTS = (
    *("greeting", "placeholder", "assistant_line", "privacy_url", "instructions"),
    *("ask_name", "ask_email", "ask_own", "own_question", "consent_text"),
)
_LISTS = (
    *("quick_replies", "link_hosts", "languages", "private_forms", "person_topics", "nudges"),
    "translations",
)
_NUMBERS = ("reply_minutes", "daily_budget_usd", "keep_days")
FIELDS = (
    *("name", "origins", "hide_private", "ask_consent", "browser_voice", "time_zone", "holidays"),
    *_LOOK,
    *_TEXTS,
    *_LISTS,
    *_NUMBERS,
    *DAYS,
)
ON = "on"  # a ticked box
NAME_CHARS = 120
# How much of a refused line its sentence repeats.
_SHOWN_CHARS = 60
MOST_TOPICS = 40  # as many as the settings hold
_SPAN = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*[-–—]\s*(\d{1,2})(?:[:.](\d{2}))?", re.ASCII)
_MIDNIGHT = 24

Values = Mapping[str, str]  # by the names of FIELDS


@dataclass(frozen=True, slots=True)
class Checked:
    """What a form came to: the settings, or a sentence for each field that must change."""

    settings: SiteSettings | None
    problems: Mapping[str, str]


def written(site: SiteView) -> dict[str, str]:
    """The fields that show these settings."""
    config = site.config
    hours = config.hours or OpeningHours()
    values = {
        "name": site.name,
        "origins": "\n".join(site.allowed_origins),
        "hide_private": ON if config.hide_private else "",
        "ask_consent": ON if config.ask_consent else "",
        "browser_voice": ON if config.browser_voice else "",
        "time_zone": hours.time_zone,
        "holidays": "\n".join(f"{h.day} {h.name}".strip() for h in hours.holidays),
    }
    values |= {name: str(getattr(config.look, name)) for name in _LOOK}
    values |= {name: str(getattr(config, name)) for name in _TEXTS}
    values |= {name: "\n".join(getattr(config, name)) for name in _LISTS}
    values |= {name: _number(getattr(config, name)) for name in _NUMBERS}
    return values | {day: spans_text(spans) for day, spans in zip(DAYS, hours.week, strict=True)}


def check(values: Values, config: SiteConfig, t: Translate) -> Checked:
    """The settings that the fields name; what the form does not show stays as in `config`."""
    problems: dict[str, str] = {}
    name = _name(values["name"], problems, t)
    origins = _origins(values["origins"], problems, t)
    hours = _hours(values, problems, t)
    if values["ask_own"] in ("optional", "required") and not values["own_question"].strip():
        problems["own_question"] = t("site.wrong.own_question")
    raw = config.model_dump() | {
        "look": config.look.model_dump() | _look(values),
        "hours": hours,
        "hide_private": values["hide_private"] == ON,
        "ask_consent": values["ask_consent"] == ON,
        "browser_voice": values["browser_voice"] == ON,
    }
    # A browser sends two characters for each end of a line; the limits count one.
    raw |= {field: values[field].replace("\r\n", "\n").strip() for field in _TEXTS}
    raw |= {field: lines(values[field]) for field in _LISTS}
    raw |= {field: [line.lower() for line in raw[field]] for field in ("link_hosts", "languages")}
    raw |= {field: values[field].strip() or None for field in _NUMBERS}
    try:
        checked = SiteConfig.model_validate(raw)
    except ValidationError as error:
        for field, sentence in _sentences(error.errors(), t):
            problems[field] = f"{problems[field]} {sentence}" if field in problems else sentence
        return Checked(None, problems)
    if problems:
        return Checked(None, problems)
    return Checked(SiteSettings(name, tuple(origins), checked), problems)


def lines(text: str) -> list[str]:
    """The lines that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _look(values: Values) -> dict[str, str]:
    given = {field: values[field].strip() for field in _LOOK}
    return {field: value for field, value in given.items() if value or field not in _NEW_LOOK}


def _name(raw: str, problems: dict[str, str], t: Translate) -> str:
    try:
        return check_site_name(raw)
    except Invalid as error:
        too_long = error.code == "message_too_long"
        problems["name"] = t("site.wrong.long", n=NAME_CHARS) if too_long else error.message
        return ""


def _origins(raw: str, problems: dict[str, str], t: Translate) -> list[str]:
    found, wrong = [], []
    for line in lines(raw):
        try:
            found.append(check_origin(line))
        except Invalid:
            wrong.append(_quoted(line))
    if wrong:
        problems["origins"] = t("site.wrong.origins", lines=", ".join(wrong))
    return found


def _hours(values: Values, problems: dict[str, str], t: Translate) -> dict[str, Any] | None:
    """Nothing in any day: people keep no hours."""
    week: list[list[dict[str, time]]] = []
    for day in DAYS:
        try:
            week.append(_spans(values[day]))
        except ValueError:
            problems[day] = t("site.wrong.spans")
            week.append([])
    holidays = _holidays(values["holidays"], problems, t)
    if not any(values[day].strip() for day in DAYS):
        if holidays:
            problems["holidays"] = t("site.wrong.holidays_alone")
        return None
    return {"time_zone": values["time_zone"].strip(), "week": week, "holidays": holidays}


def _spans(text: str) -> list[dict[str, time]]:
    """`9–12:30, 13:30–18`. Raises ValueError."""
    spans = []
    for part in re.split(r"[,;]", text):
        if not part.strip():
            continue
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise ValueError(part)
        start, start_min, end, end_min = (int(n or 0) for n in match.groups())
        # 24:00 is how people write the midnight at a day's end.
        ends = time(0) if (end, end_min) == (_MIDNIGHT, 0) else time(end, end_min)
        spans.append({"start": time(start, start_min), "end": ends})
    return spans


def _holidays(text: str, problems: dict[str, str], t: Translate) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    wrong = []
    for line in lines(text):
        day, _, name = line.partition(" ")
        try:
            found.append({"day": date.fromisoformat(day), "name": name.strip()})
        except ValueError:
            wrong.append(_quoted(line))
    if wrong:
        problems["holidays"] = t("site.wrong.holidays", lines=", ".join(wrong))
    return found


def _sentences(errors: Iterable[ErrorDetails], t: Translate) -> Iterable[tuple[str, str]]:
    """Each error's field and what to do about it."""
    for error in errors:
        field = _field(error["loc"])
        sentence = _sentence(error, field, t)
        given = error["input"]
        in_list = field in _LISTS and isinstance(given, str)
        yield field, f"{_quoted(given)}: {sentence}" if in_list else sentence


def _field(loc: Sequence[int | str]) -> str:
    """Where the form shows it: `("hours", "week", 0, 1)` is Monday's."""
    if loc[:2] == ("hours", "week") and len(loc) > 2 and isinstance(loc[2], int):
        return DAYS[loc[2]]
    return str(loc[1] if loc[0] in ("look", "hours") and len(loc) > 1 else loc[0])


def _sentence(error: ErrorDetails, field: str, t: Translate) -> str:
    limits = error.get("ctx", {})
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if error["type"] == "string_too_long":
        return t("site.wrong.long", n=limits["max_length"])
    if error["type"] == "too_long":
        return t("site.wrong.many", n=limits["max_length"])
    own = f"site.wrong.{field}"
    return t(own if field in (*_NUMBERS, "side", "bottom", "link_hosts", "languages") else "site.wrong.other")


def _number(value: float | None) -> str:
    return "" if value is None else str(value).removesuffix(".0")


def _quoted(text: str) -> str:
    return f"“{text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + '…'}”"
