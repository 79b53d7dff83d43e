"""The word that "our pages don't say anything about …" names: what is asked about, and nowhere on the pages.

Named wrongly it is an untruth or no language ("“start”", "„rein“"), so a word has to show that it is one: in English by
what stands before it, in German by its capital. In doubt, and in all other languages, none is named.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from minidesk.answering.forms import parts_of
from minidesk.knowledge.records import Passage
from minidesk.text.words import stem, stem_in, words

_TOKEN = re.compile(r"[^\W_]+(?:[-'’.+][^\W_]+)*")
_WORD = re.compile(r"[^\W_][\w'-]{2,24}")
# Behind these stands a noun.
_BEFORE_NOUN = frozenset(
    """a an the my your our their his her its any some no every each this these those what which whose many much more most few several of for in
    with on about at from by without into near under over and or there two three four five six both other another new
    sell sells selling have has got offer offers offering accept accepts stock rent buy order provide provides carry serve repair
    support include includes make""".split()  # noqa: SIM905 (a list of strings cannot be read)
)
_AUXILIARIES = frozenset("do does did can could will would should must may is are was were has have".split())  # noqa: SIM905
_ASKING = frozenset("how when where why what which who much many long often and but so if".split())  # noqa: SIM905
# They describe or place, whatever stands before them.
_NO_TOPIC = frozenset(
    """again anew still already soon later early late ever never always once twice maybe perhaps together away abroad online upfront ahead
    extra else instead otherwise somewhere anywhere tonight hell heck fuck shit kind sort way lot bit thing things stuff side end point case
    good bad best better worst nice great cheap free able sure same right wrong own available possible open closed""".split()  # noqa: SIM905
)
_NOUNS_IN_EST = frozenset(
    "guest forest interest request contest harvest test chest vest quest digest protest west nest rest priest".split()  # noqa: SIM905
)
_NOUNS_IN_LY = frozenset(
    "family reply supply assembly jelly rally italy july fly lily monopoly anomaly".split()  # noqa: SIM905
)
_NOUNS_ONLY_IN_FORM = frozenset(
    "voraus extra folgendes weiteres anfang ende moment fall grund mal uhr weise art frage sache ding dinge zeit dank bescheid sinn".split()  # noqa: SIM905
)
_PART = 4  # letters from which a part of a word tells
_ENDING = 3  # letters by which two forms of an English word may differ
_UMLAUTS = str.maketrans("äöü", "aou")
_FEW = 2  # words up to which a message is nothing but a name for what is asked about


def topic(word: str, question: str, language: str | None) -> str | None:
    """`word` as it stands in the question, where it can be what is asked about; else None. `word` is in lower case."""
    tokens = list(_TOKEN.finditer(question))
    plain = [token.group().lower().replace("’", "'").removesuffix("'s") for token in tokens]
    if word not in plain:
        return None
    at = plain.index(word)
    written = tokens[at].group().removesuffix("'s").removesuffix("’s")
    if not _WORD.fullmatch(written) or language not in ("de", "en"):
        return None
    starts = at == 0 or bool(re.search(r"[.!?:]\W{0,3}$", question[: tokens[at].start()][-8:]))
    capital = written[0].isupper() and not starts and not question.isupper()
    if language == "de":
        found = capital and word not in _NOUNS_ONLY_IN_FORM
    else:
        found = capital or _english_noun(plain, at)
    if not found and len(plain) > _FEW:
        return None
    if word in _NO_TOPIC or word in _NOUNS_ONLY_IN_FORM:
        return None
    return written.lower() if question.isupper() else written


def _english_noun(said: Sequence[str], at: int) -> bool:
    word = said[at]
    if word in _NO_TOPIC or (word.endswith("ly") and word not in _NOUNS_IN_LY):
        return False
    if word.endswith("est") and word not in _NOUNS_IN_EST:
        return False
    before = at - 1
    if before >= 0 and said[before] in _AUXILIARIES:
        # "do students get …", "how much is parking": what follows at once is the subject.
        return before == 0 or said[before - 1] in _ASKING
    # "a tennis court": one more word may stand between, unless it is a subject ("does the warranty expire").
    if before >= 1 and said[before] not in _BEFORE_NOUN and said[before - 1] in _BEFORE_NOUN:
        return before < 2 or said[before - 2] not in _AUXILIARIES
    return before >= 0 and said[before] in _BEFORE_NOUN


def held(word: str, language: str | None, passages: Sequence[Passage]) -> bool:
    """Whether the passages have the word, in another form or inside a longer one. CPU work."""
    own = _root(word.lower(), language)
    if language == "de" and any(_parts_stand(word.lower(), passage) for passage in passages):
        return True
    return any(
        _same(own, _root(other, language), language)
        for passage in passages
        for other in set(
            words(f"{passage.title} {' '.join(passage.heading_path)} {passage.question or ''} {passage.text}")
        )
    )


def _parts_stand(word: str, passage: Passage) -> bool:
    """ "Excel-Kurs" is spoken of where a page says "Kurs: Excel", and "Kinderkurse" where it has "Kurse für Kinder"."""
    said = words(f"{passage.title} {' '.join(passage.heading_path)} {passage.question or ''} {passage.text}")
    return parts_of(word, {other: other for other in said}, "de") is not None


def _same(own: str, other: str, language: str | None) -> bool:
    if own == other:
        return True
    short, long = sorted((own, other), key=len)
    if language == "de":
        # "Gutscheine" is spoken of where a page has "Geschenkgutschein", but not "Zahnspange" where it has "Zahn".
        return other.startswith(own) if len(own) < _PART else own in other
    return len(short) >= _PART and len(long) - len(short) <= _ENDING and long.startswith(short)


@lru_cache(maxsize=16_384)
def _root(word: str, language: str | None) -> str:
    if language != "de":
        return stem(word)
    return stem_in(word, language).translate(_UMLAUTS)
