"""Turns a page's context into a response."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from minidesk.errors import Unavailable
from minidesk.text.locale import Texts
from minidesk.web.assets import Assets

LOCALE = "en"
ENTRY = "src/console/main.ts"
HEADERS = {
    "Cache-Control": "no-store",
    "Vary": "HX-Request",
    # With the guard's `no-referrer` browsers send `Origin: null` with a form, and no sign-in could be told from another site's.
    "Referrer-Policy": "same-origin",
}

HELP = (
    (("j", "k"), "help.move"),
    (("↵",), "help.open"),
    (("r",), "help.reply"),
    (("n",), "help.note"),
    (("Ctrl ↵",), "help.send"),
    (("t",), "help.take"),
    (("b",), "help.back"),
    (("w",), "help.wait"),
    (("e",), "help.solve"),
    (("o",), "help.reopen"),
    (("g",), "help.tag"),
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
        self._texts = _texts()
        self._templates = Environment(
            loader=PackageLoader("minidesk.web.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(t=self.t, help=HELP, locale=LOCALE)

    def t(self, key: str, **values: object) -> str:
        """The interface's words for `key`."""
        return self._texts.t(key, LOCALE, **values)

    def html(
        self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
    ) -> HTMLResponse:
        """A page, kept by no cache: it holds what one agent may see (T26)."""
        body = self._templates.get_template(template).render(assets=self._links(), **context)
        return HTMLResponse(body, status, {**HEADERS, **(headers or {})})

    def _links(self) -> Links:
        try:
            entry = self._assets.entry(ENTRY)
        except Unavailable:
            return Links()
        return Links(entry.styles, (entry.script,))


Translate = Callable[..., str]


def _texts() -> Texts:
    # English only, and beside the templates: the widget is built from text/locales and must not carry these words.
    file = resources.files("minidesk.web.console") / "texts" / f"{LOCALE}.json"
    return Texts({LOCALE: json.loads(file.read_text(encoding="utf-8"))})
