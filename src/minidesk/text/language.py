"""In which language a text is written: by its script, else by the small words that hold its sentences together.

No model, and no guess: where the words do not tell, nobody says a language. What two languages share ("no", "die",
"also") counts for both, so it tells nothing between them; of German and English the lists leave such words out.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from functools import lru_cache

from minidesk.text.words import words

_WORDS = {
    "de": """ich wir sie ihr er es mich mir mein meine meinen meinem meiner uns unser unsere unseren euch euer eure ihnen ihre ihren ihrem dich dir
    dein deine das den dem des ein eine einen einem einer eines kein keine keinen keiner und oder aber nicht nichts auch noch schon nur mal bitte danke
    wie wo wann warum wieso weshalb wer wen wem wieviel wohin woher welche welcher welches welchen kann kannst können könnt könnte könnten möchte möchten
    muss müssen darf dürfen soll sollen wollen ist sind seid wird werden wurde gibt gibts geht haben habe habt hatte kostet kosten bieten bietet bietest
    macht machen mache nehmt nehmen nimmt verkauft verkaufen liefert liefern braucht brauche brauchen bekomme bekommen finde finden suche suchen
    mit von zu zum zur für bei beim nach aus auf über unter ohne bis seit vom vor durch gegen zwischen wegen ja nein nö wenn dass ob weil als dann denn doch
    etwas jemand hier heute morgen gestern immer sehr mehr viel viele hallo guten tag moin servus tschüss tschau mahlzeit mensch mitarbeiter frau herr""",
    "en": """i we you he she it they me my mine our us your his their them the a no not and or but still only please thanks
    how where when why who whom which what can could would should must may is are be been do does did have has had get got with
    from to for of at on by after about into without until since if that because this these those there hello hi hey yes thank
    human person need want know tell give take make there i'm i'd i've don't can't what's it's""",
    "fr": """je j'ai j'aimerais tu il elle nous vous ils elles on mon ma mes ton votre vos notre nos leur leurs le la les un une des du de d'un d'une au aux et ou mais
    ne pas que qui quoi quel quelle quels quelles quand comment pourquoi où combien est est-ce sont suis êtes ai as avez avons ont peux peut pouvez puis-je
    voudrais veux faut avec pour sur dans par sans en chez ce cette ces ça c'est qu'est-ce si bonjour bonsoir salut merci oui non s'il plaît svp""",
    "es": """yo tú usted ustedes nosotros ellos mi mis tu su sus nuestro el la los las un una unos unas del al y o pero no que qué quién cuál cuáles cuándo
    cómo dónde cuánto cuánta cuántos es son está están soy estoy hay ha he tengo tiene tienen tienes puedo puede pueden quiero quiere quisiera necesito hablar
    con para por en sin sobre de desde hasta este esta estos esto eso si sí hola buenos buenas gracias favor me se lo les también muy más""",
    "it": """io tu lei noi voi loro mio mia miei suo sua il lo la i gli le un uno una del della dei delle al alla e ed o ma non che chi cosa quale quali
    quando dove quanto quanta perché è sono sei siete ho ha hai hanno abbiamo avete posso può potete vorrei voglio devo c'è con per in su di da nel nella
    senza questo questa questi si sì ciao buongiorno buonasera grazie prego parlare anche molto più mi vi ci""",
    "nl": """ik jij je u hij zij ze wij we jullie mij mijn jouw uw ons onze hun de het een en of maar niet geen ook nog al waar wanneer waarom hoe hoeveel wie wat
    welke kan kunnen kunt mag moet moeten wil willen zou is zijn ben bent was heeft heb hebben hebt wordt worden met van voor bij naar uit op over onder zonder tot
    sinds dit dat deze die als dan er kost hallo hoi dag goedemorgen bedankt dank alstublieft graag iemand spreken""",
    "pl": """ja ty on ona my wy oni mnie mi mój moja moje pan pani państwo i oraz lub ale nie tak czy co kto jak gdzie kiedy dlaczego ile jaki jaka jakie
    który która które jest są jestem mam ma mają macie mogę może można chcę chciałbym chciałabym muszę się to ten ta te tego z ze w we na do od po za przez dla bez o
    przy oraz cześć dzień dobry dziękuję dzięki proszę rozmawiać""",
    "pt": """eu tu você vocês nós ele ela eles elas meu minha meus seu sua nosso o a os as um uma uns umas do da dos das no na nos nas ao à e ou mas não que quem
    qual quais quando como onde quanto quanta é são está estão sou estou tem têm tenho há posso pode podem quero gostaria preciso com para por em sem sobre de desde até
    este esta isso isto se sim olá oi bom boa dia custa obrigado obrigada favor me muito mais também falar""",
    "tr": """ben sen o biz siz onlar benim bizim sizin bana bize bir ve veya ama değil var yok mı mi mu mü mıdır midir ne nasıl nerede nereden nereye neden niçin
    kim hangi kaç ne zaman için ile bu şu çok daha gibi kadar sonra önce istiyorum isterim lütfen merhaba selam teşekkürler teşekkür ederim evet hayır
    olarak musunuz mısınız misiniz var mı""",
}
# German and English have these both, so they tell nothing between the two, but that it is none of the others.
_SHARED = "in an am so also was war will hat die man her bin over"
# Letters that only one of these languages writes; each counts like a word.
_LETTERS = {"de": "äöüß", "es": "ñ¿¡", "pt": "ãõ", "pl": "łąęśżźćń", "tr": "şğı", "fr": "œ"}
_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ar", re.compile(r"[\u0620-\u064a]")),
    ("he", re.compile(r"[\u05d0-\u05ea]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
)
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
# These were told apart first and are measured most; what they hold as well as others do is theirs.
_FIRST = ("de", "en")
# Of another language, one word as short as "in" or "de" is no sign: names and typing errors look like it.
_SIGN = 4
# So many small words tell a document's language, where no other has half as many.
_ENOUGH = 5
_READ = 20_000  # characters of a document


@lru_cache(maxsize=1)
def _languages_of() -> dict[str, tuple[str, ...]]:
    """The languages that each small word may be of."""
    found: dict[str, tuple[str, ...]] = {}
    for language, listed in _WORDS.items():
        for word in set(listed.split()):
            found[word] = (*found.get(word, ()), language)
    for word in _SHARED.split():
        found[word] = (*found.get(word, ()), *_FIRST)
    return found


def language_of(text: str) -> str | None:
    """Its two letters, or None where that is not to be told: an empty text, a name, "express?".

    Two that are equally likely are not told apart, except that German and English go before the others.
    """
    for language, script in _SCRIPTS:
        # A page in Japanese holds Latin names; an English question may quote one sign.
        if len(script.findall(text)) * 3 > len(_LATIN.findall(text)):
            return language
    return _by_words(text.lower())


def _parts(text: str, known: Collection[str]) -> Iterator[str]:
    """Its words; "faites-vous" and "what's" are two, where they are not known as they stand."""
    for word in words(text):
        if word in known:
            yield word
        else:
            yield from (part for part in re.split(r"[-']", word) if len(part) > 1)


def _counted(text: str) -> tuple[Counter[str], set[str]]:
    """How many signs of each language stand in it, and those of which one is long enough to count alone."""
    languages = _languages_of()
    counts: Counter[str] = Counter()
    signs: set[str] = set()
    for word in _parts(text, languages):
        found = languages.get(word, ())
        counts.update(found)
        if len(word) >= _SIGN:
            signs.update(found)
    for language, letters in _LETTERS.items():
        if written := sum(text.count(letter) for letter in letters):
            counts[language] += written
            signs.add(language)
    return counts, signs


def _by_words(text: str) -> str | None:
    counts, signs = _counted(text)
    most = max(counts.values(), default=0)
    best = [language for language, count in counts.items() if count == most]
    if most == 1 or not set(best) & set(_FIRST):
        best = [language for language in best if language in signs] or best
    own = [language for language in best if language in _FIRST]
    if own or len(best) != 1:
        return own[0] if len(own) == 1 else None
    return best[0] if most > 1 or best[0] in signs else None


def written_in(text: str) -> str | None:
    """The language of a whole document; None where it is short, a table of names, or in two."""
    start = text[:_READ]
    found = language_of(start)
    if found is None or found not in _WORDS:
        return found
    counts = _counted(start.lower())[0].most_common(2)
    others = counts[1][1] if len(counts) > 1 else 0
    return found if counts[0][1] >= max(_ENOUGH, 2 * others) else None
