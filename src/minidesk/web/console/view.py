"""Turns a page's context into a response."""

import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from minidesk.errors import Unavailable
from minidesk.text.locale import FALLBACK, Texts
from minidesk.text.sentences import speak_errors
from minidesk.web.assets import Assets
from minidesk.web.console.places import SETTINGS, places_for

# Of the request that is answered: every page and every sentence of one speaks one language, and handing it through
# each function that says something would be a parameter of all of them.
_LOCALE: ContextVar[str] = ContextVar("console_locale", default=FALLBACK)
LOCALES = ("en", "de")
ENTRY = "src/console/main.ts"
HEADERS = {
    "Cache-Control": "no-store",
    "Vary": "HX-Request, HX-Target, Accept-Language",
    # With the guard's `no-referrer` browsers send `Origin: null` with a form, and no sign-in could be told from another site's.
    "Referrer-Policy": "same-origin",
}

HELP = (
    (("j", "k"), "help.move"),
    (("↵",), "help.open"),
    (("r",), "help.reply"),
    (("n",), "help.note"),
    (("@",), "help.mention"),
    (("Ctrl ↵",), "help.send"),
    (("t",), "help.take"),
    (("b",), "help.back"),
    (("w",), "help.wait"),
    (("e",), "help.solve"),
    (("o",), "help.reopen"),
    (("u",), "help.undo"),
    (("a",), "help.assign"),
    (("g",), "help.tag"),
    (("z",), "help.snooze"),
    (("x",), "help.more"),
    (("m",), "help.macro"),
    (("d",), "help.draft"),
    (("i",), "help.rewrite"),
    (("Ctrl k",), "help.command"),
    (("/",), "help.find"),
    (("q",), "help.try"),
    (("a",), "help.entry"),
    (("?",), "help.help"),
    (("Esc",), "help.leave"),
)


@dataclass(frozen=True, slots=True)
class Links:
    """Style sheets and scripts of a page; none where the browser code was not built: the pages work without."""

    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


class View:
    """The console's templates and words."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self._templates = _templates()

    def t(self, key: str, **values: object) -> str:
        """The interface's words for `key`, in the language of the request."""
        return say(key, **values)

    def t_in(self, locale: str | None, key: str, **values: object) -> str:
        """The same in another language: of a mail to somebody else."""
        return texts().t(key, locale, **values)

    def html(
        self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
    ) -> HTMLResponse:
        """A page, kept by no cache: it holds what one agent may see (T26)."""
        body = self._templates.get_template(template).render(
            assets=self._links(), locale=_LOCALE.get(), **context
        )
        return HTMLResponse(body, status, {**HEADERS, "Content-Language": _LOCALE.get(), **(headers or {})})

    def _links(self) -> Links:
        try:
            entry = self._assets.entry(ENTRY)
        except Unavailable:
            return Links()
        return Links(entry.styles, (entry.script,))


Translate = Callable[..., str]


def to(path: str) -> RedirectResponse:
    """Go on there."""
    return RedirectResponse(path, status_code=303)


def speak(*wanted: str | None) -> None:
    """Answer this request in the first language of `wanted` (tags, or an Accept-Language header) that there is."""
    chosen = _CHOICE.choose(*wanted)
    _LOCALE.set(chosen)
    speak_errors(chosen)


# Only to choose by: the words are each View's own.
_CHOICE = Texts({locale: {} for locale in LOCALES})


def spoken() -> str:
    """The language that this request is answered in."""
    return _LOCALE.get()


def say(key: str, **values: object) -> str:
    """As `View.t`, for what is said without a page in hand, such as times."""
    return texts().t(key, _LOCALE.get(), **values)


@cache
def _templates() -> Environment:
    """Compiled once a process: that takes longer than a page."""
    environment = Environment(
        loader=PackageLoader("minidesk.web.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # or each page asks the disk whether one of its twelve files has changed
    )
    environment.globals.update(t=say, help=HELP, places_for=places_for, settings_places=SETTINGS)
    return environment


@cache
def texts() -> Texts:
    """The console's words, read once."""
    # Beside the templates: the widget is built from text/locales and must not carry these words.
    folder = resources.files("minidesk.web.console") / "texts"
    return Texts(
        {
            locale: json.loads((folder / f"{locale}.json").read_text(encoding="utf-8"))
            for locale in LOCALES
            if (folder / f"{locale}.json").is_file()
        }
    )
