"""How German writes numbers, dates, times and units: tables for `facts.py`, which knows English itself."""

_ONES = ("ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
_TENS = ("zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")
_TEENS = "zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"


def _with_spellings(words: dict[str, int]) -> dict[str, int]:
    """The same with "dreissig" and "fuenf", as Switzerland and keyboards without umlauts have them."""
    return words | {
        word.replace("ß", "ss").replace("ü", "ue").replace("ö", "oe"): n for word, n in words.items()
    }


# Not "ein": it is the article as well. Composed ones ("vierundzwanzig") are matched by their parts.
NUMBERS = _with_spellings(
    {"null": 0, "eins": 1, "zwo": 2, "hundert": 100, "tausend": 1000}
    | {word: n for n, word in enumerate(_ONES[1:], start=2)}
    | {word: n for n, word in enumerate(_TEENS.split(), start=10)}
    | {word: 10 * n for n, word in enumerate(_TENS, start=2)}
    | {
        f"{one}und{ten}": 10 * n + k
        for n, ten in enumerate(_TENS, start=2)
        for k, one in enumerate(_ONES, start=1)
    }
    | {f"{one}hundert": 100 * k for k, one in enumerate(_ONES, start=1)}
    | {f"{one}tausend": 1000 * k for k, one in enumerate(_ONES, start=1)}
)
_PART = "|".join(_with_spellings(dict.fromkeys(_ONES, 0)))
_TEN = "|".join(_with_spellings(dict.fromkeys(_TENS, 0)))
NUMBER_PATTERN = (
    rf"(?:{'|'.join(_with_spellings(dict.fromkeys(_TEENS.split(), 0)))}|(?:(?:{_PART})und)?(?:{_TEN})"
    rf"|(?:{_PART})?(?:hundert|tausend)|zwei|zwo|drei|vier|f(?:ü|ue)nf|sechs|sieben|acht|neun|null|eins)"
)

MONTHS = {
    name: n
    for n, names in enumerate(
        ["januar jänner jaenner jän", "februar feber", "märz maerz mär mrz", "april", "mai", "juni", "juli", "august",
         "september", "oktober okt", "november", "dezember dez"], start=1)
    for name in names.split()
}  # fmt: skip

CURRENCY = {"franken": "chf", "sfr": "chf", "fr": "chf", "pfund": "gbp"}

# Each form by itself: German changes the ends of its units. Working days are not of one kind: Saturday is a "Werktag".
DURATION = {
    form: (base, factor)
    for forms, base, factor in (
        ("sekunde sekunden sek", "min", 1 / 60), ("minute minuten", "min", 1), ("stunde stunden std", "min", 60),
        ("tag tage tagen tages", "min", 1440), ("woche wochen", "min", 10080), ("monat monate monaten monats", "month", 1),
        ("jahr jahre jahren jahres", "month", 12), ("nacht nächte nächten", "night", 1), ("quartal quartale quartalen", "month", 3),
        ("werktag werktage werktagen werktages", "weekday min", 1440),
        ("arbeitstag arbeitstage arbeitstagen banktage banktagen bankarbeitstag bankarbeitstage bankarbeitstagen geschäftstage geschäftstagen",
         "working min", 1440),
    )
    for form in forms.split()
}  # fmt: skip
MEASURE = {
    form: (base, factor)
    for forms, base, factor in (
        ("kilogramm", "g", 1000), ("gramm", "g", 1), ("kilometern", "m", 1000), ("metern", "m", 1),
        ("zentimeter zentimetern", "m", 0.01), ("millimeter millimetern", "m", 0.001), ("litern", "l", 1), ("milliliter", "l", 0.001),
        ("grad", "°", 1), ("°c", "°c", 1),
    )
    for form in forms.split()
}  # fmt: skip

# "eine Woche" is one; "eines Tages" is none.
A_WEEK = r"\bein(?:e[mnrs]?)?\s+(?P<unit>stunde|minute|tage?|woche|monat|jahr|nacht|werktage?|(?<=eines )(?:monats|jahres|werktages))\b"
HALF = r"\b(?:ein(?:e[mnrs]?)?\s+)?halbe[mnrs]?\s+(?P<unit>stunde|tage?s?|jahre?s?)\b"
# "14-tägig", "zweijährige Garantie".
LASTING = r"(?P<unit>minütig|stündig|tägig|wöchig|monatig|jährig)\w{0,2}\b"
LASTING_UNITS = {
    "minütig": "minute", "stündig": "stunde", "tägig": "tag", "wöchig": "woche", "monatig": "monat", "jährig": "jahr",
}  # fmt: skip
# "einmal im Jahr"; "noch einmal" counts nothing.
TIMES = (
    r"\b(?:(?P<n>\d{1,3})[- ]?mal|(?P<word>zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf)mal"
    r"|(?P<once>(?<!noch )(?<!nicht )(?<!wieder )(?<!auf )einmal(?=\s+(?:im (?:jahr|monat|quartal|halbjahr)|pro|je|in (?:der|jeder) woche|am tag|alle|jährlich|monatlich|wöchentlich|täglich)\b)))\b"
)
# "8 Uhr", "8.30 Uhr", "8 Uhr 30"; the first of two takes it from the second: "von 8 bis 12 Uhr".
CLOCK = r"(?<![\w.,:])(?P<h>[01]?\d|2[0-4]|{words})(?:[:.](?P<m>[0-5]\d))?\s*uhr\b(?:\s+(?P<behind>[0-5]\d)(?![\d.,:]|\s*[€%\w]))?"
CLOCK_BEFORE = r"(?<![\w.,:])(?P<h>[01]?\d|2[0-4]|{words})(?:[:.](?P<m>[0-5]\d))?\s*(?:-|–|—|bis|und|oder)\s*(?=(?:[01]?\d|2[0-4]|{words})(?:[:.][0-5]\d)?\s*uhr\b)"
# "31.1." and "24.12.2026"; "4.10." may be a price at the end of a sentence, so without a year something must tell.
DATE = r"(?<![\w.,])(?P<d>0?[1-9]|[12]\d|3[01])\.\s?(?P<m>0?[1-9]|1[0-2])\.\s?(?P<y>(?:19|20)\d{2})(?!\w)"
DATE_SHORT = (
    r"(?:(?<=\bam )|(?<=\bvom )|(?<=\bzum )|(?<=\bbis )|(?<=\bab )|(?<=\bdem )|(?<=\bden )|(?<=\bder )|(?<=\bseit )|(?<=\bund )"
    r"|(?<=\.[-–])|(?<=\. [-–] )|(?=\d{1,2}\.\s?\d{1,2}\.\s*(?:bis|und|[-–])\s*(?:zum\s)?\d{1,2}\.\s?\d{1,2}\.))"
    r"(?P<d>0?[1-9]|[12]\d|3[01])\.\s?(?P<m>0?[1-9]|1[0-2])\.(?!\s?\w*\d)"
)
