"""The console in German: every text is there with its blanks, and a page speaks the agent's language, else the browser's."""

import ast
import json
import re
from pathlib import Path

import pytest
from tests.web import test_console
from tests.web.test_console import Office

import minidesk.web.console as package
from minidesk.accounts import ACTIONS, SCOPES
from minidesk.web.console.places import PLACES
from minidesk.web.console.view import LOCALES

office = test_console.office
FOLDER = Path(package.__file__).parent
TEXTS = {
    locale: json.loads((FOLDER / "texts" / f"{locale}.json").read_text(encoding="utf-8"))
    for locale in LOCALES
}


def blanks(text: str | dict[str, str]) -> dict[str, set[str]]:
    """The names in braces, of each form."""
    forms = {"": text} if isinstance(text, str) else text
    return {form: set(re.findall(r"\{(\w+)\}", words)) for form, words in forms.items()}


def test_both_languages_have_the_same_texts_with_the_same_blanks() -> None:
    english, german = TEXTS["en"], TEXTS["de"]
    assert set(english) == set(german)
    for key, text in english.items():
        assert blanks(text) == blanks(german[key]), key


def test_no_text_was_left_in_english() -> None:
    """Words that are the same in both languages are short."""
    same = [key for key, text in TEXTS["en"].items() if text == TEXTS["de"][key]]
    assert [key for key in same if len(str(TEXTS["en"][key]).split()) > 3 and key != "docs.kinds"] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_no_key_stands_twice(locale: str) -> None:
    raw = (FOLDER / "texts" / f"{locale}.json").read_text(encoding="utf-8")
    found: list[list[tuple[str, object]]] = []

    def keep(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found.append(pairs)
        return dict(pairs)

    json.loads(raw, object_pairs_hook=keep)
    keys = [key for key, _ in found[-1]]  # the outermost object is the last to be whole
    assert [key for key in keys if keys.count(key) > 1] == []


def test_every_action_scope_and_language_has_its_words() -> None:
    wanted = {
        *(f"audit.{action}" for action in ACTIONS),
        *(f"scope.{scope}" for scope in SCOPES),
        *(f"language.{locale}" for locale in LOCALES),
        *(key for place in PLACES for key in (place.name, place.part)),
    }
    assert wanted <= set(TEXTS["en"])


def test_templates_and_routes_name_only_texts_that_there_are() -> None:
    named: set[str] = set()
    for template in FOLDER.rglob("*.html"):
        named |= set(re.findall(r"""\bt\("([a-z][\w.:-]*)\"[,)]""", template.read_text(encoding="utf-8")))
    for file in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name, first = ast.unparse(node.func), node.args[0]
            if name.split(".")[-1] not in ("t", "say") or "texts" in name:  # those are visitors' lines
                continue
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                named.add(first.value)
    assert len(named) > 300
    assert named - set(TEXTS["en"]) == set()


async def test_a_page_speaks_the_agents_language_else_the_browsers(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    german = {"Accept-Language": "fr, de-AT;q=0.8, en;q=0.5"}
    async with office.browser() as browser:
        door = await browser.get("/console/login", headers=german)
        assert '<html lang="de">' in door.text
        assert "Passwort vergessen?" in door.text
        assert "Forgot your password?" in (await browser.get("/console/login")).text
        assert "Forgot" in (await browser.get("/console/login", headers={"Accept-Language": "fr"})).text
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get("/console/people", headers=german)
        assert (page.headers["content-language"], "Jemanden einladen" in page.text) == ("de", True)
        assert "Invite somebody" in (await browser.get("/console/people")).text
        await browser.get("/console/account")
        refused = await browser.post("/console/account/language", locale="fr")
        assert refused.status_code == 422
        assert (await browser.post("/console/account/language", locale="de")).status_code == 303
        assert "Jemanden einladen" in (await browser.get("/console/people")).text
        assert "Nichts gehört Ihnen" in (await browser.get("/console/inbox?view=mine")).text
        problem = await browser.get("/console/docs/src_nothing")
        assert (problem.status_code, "Hier ist nichts" in problem.text) == (404, True)
        assert (await browser.post("/console/account/language", locale="")).status_code == 303
        assert "Invite somebody" in (await browser.get("/console/people")).text


async def test_one_agents_language_is_not_anothers(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    ben = await office.agent("ben@example.com", office.site)
    await office.deps.agents.choose_locale(ben, "de")
    async with office.at_work("mara@example.com") as mara, office.at_work("ben@example.com") as other:
        for _ in range(3):
            assert "Nothing is yours" in (await mara.get("/console/inbox?view=mine")).text
            assert "Nichts gehört Ihnen" in (await other.get("/console/inbox?view=mine")).text
