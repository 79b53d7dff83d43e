"""In which language a visitor writes, told by function words; for what it cannot tell, the conversation's locale stands."""

from collections.abc import Collection, Sequence
from typing import Literal

from minidesk.text.words import words

# Words that hold sentences together and stand in one of the two languages only: not "in", "was", "will", "so", "die"
# or "hat", which both have.
_GERMAN = frozenset(
    """ich wir sie ihr er es mich mir mein meine meinen meinem uns euch ihnen ihre ihren der das den dem des ein eine einen einem einer
    kein keine keinen und oder aber nicht auch noch schon nur mal bitte danke wie wo wann warum wer wen wem wieviel welche welcher
    welches kann kannst können könnte könnten möchte muss müssen darf dürfen soll ist sind wird werden gibt haben habe geht kostet
    mit von zu zum zur für bei nach aus auf über unter ohne bis seit vom beim ja nein wenn dass weil hallo guten tag moin servus
    tschüss mensch mitarbeiter""".split()  # noqa: SIM905 (a list of 100 strings cannot be read)
)
_ENGLISH = frozenset(
    """i we you he she it they me my mine us our your his her their them the a an no not and or but also still only please thanks
    how where when why who whom which what can could would should must may is are be been do does did have has had get got with
    from to for of at on by after about into without until since if that because this these those there hello hi hey yes thank
    human person""".split()  # noqa: SIM905 (a list of 100 strings cannot be read)
)


def detected(text: str) -> Literal["de", "en"] | None:
    """German or English, by which of their function words stand more often; None where that does not tell."""
    said = words(text)
    german = sum(word in _GERMAN for word in said) + sum(letter in "äöüß" for letter in text.lower())
    english = sum(word in _ENGLISH for word in said)
    if german == english:
        return None
    return "de" if german > english else "en"


def spoken(text: str, locale: str | None, allowed: Sequence[str], known: Collection[str]) -> str | None:
    """The locale our own lines are said in.

    As the visitor writes, else the conversation's; where the site names languages (`allowed`), only these, the first of
    them for all others. `known`: the languages we have lines in.
    """
    found = detected(text)
    own = (locale or "").lower().replace("_", "-").partition("-")[0]
    wanted = locale if found is None or found == own else found
    language = (wanted or "").lower().replace("_", "-").partition("-")[0]
    if allowed and language not in allowed:
        return next((tag for tag in allowed if tag in known), wanted)
    return wanted
