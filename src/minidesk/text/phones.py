"""Telephone numbers as people write them: with a country's prefix, as they are dialled at home, or behind a word such as "mobile".

A number of something else is not one: digits behind "order" or "article", a price, a date. Where it cannot be told, digits
that could be dialled in one of the visitor's likely countries are taken for a telephone number.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

# Letters of scripts that write words without a space between: a number may stand right beside them.
UNSPACED = r"\u0e00-\u0e7f\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_UNSPACED_LETTER = re.compile(f"[{UNSPACED}]")
# Digits that a person may write down as one number, in groups; in ASCII, full width or another script.
_RUN = re.compile(
    rf"(?<![^\W{UNSPACED}])(?<![#@])(?<![A-Z]-)(?<!\d[,:.])[+＋(]{{0,2}}\d(?:[ \u00a0\u2000-\u200a\u202f./()\-‐–−－]{{0,3}}\d)*"
)
_GROUP = re.compile(r"[+＋(]{0,2}(\d+)")
_DATE = re.compile(
    r"(?<![\d./-])(?:\d{4}([-./])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-./] ?)(?:0?[1-9]|[12]\d|3[01])\2(?:19|20)?\d\d"
    r"|(?:19|20)\d\d ?[-–/] ?(?:19|20)\d\d)(?![./-]?\d)"
)
# Words beside which digits are a telephone number's, in the languages of the widget.
_PHONE_WORD = (
    r"(?:tele)?phones?|mobiles?|cell(?:phone)?|tel|fax|whatsapp|sms|text|call(?:ed|ing)?(?: me| us| from)?|ring|reach(?: me| us|able)?|dial|"
    r"handy\w*|telefon\w*|mobil\w*|festnetz\w*|r(?:ü|ue)ckruf\w*|(?:zur(?:ü|ue)ck|an)?rufe?n?t?|anruf\w*|angerufen|erreich\w*|durchwahl|hotline|"
    r"t[ée]l[ée]phon\w*|portable|appel\w*|joindre|tel[ée]fono|m[óo]vil|llam\w*|cellulare|chiam\w*|telefoon\w*|mobiel\w*|bel(?:len)?|"
    r"telefonu|kom[óo]rk\w*|dzwoni\w*|zadzwo\w*|telefone|telem[óo]vel|celular|ligar|lig(?:ue|uem)|cep|ara(?:y[ıi]n)?|"
    r"телефон\w*|мобильн\w*|мобільн\w*|(?:по|пере)?звон\w*|(?:за|пере|по)?дзвон\w*|volej\w*|zavolej\w*|puhelin\w*|soit\w*|hívj\w*|"
    r"τηλ[έε]φων\w*|κιν[ηή]τ[όο]\w*|\w{0,2}(?:هاتف|جوال|موبايل)\w{0,3}|\w{0,2}(?:טלפון|נייד)\w{0,3}|"
    r"m(?:y|eine) (?:(?:new|own|neue) )?(?:number|nummer|no|nr)|mi n[úu]mero|mon num[ée]ro|il mio numero|mijn nummer|m[óo]j numer|(?:o )?meu n[úu]mero"
)
# Words behind which they are a number of something else.
_OTHER_WORD = (
    r"orders?|parcels?|packages?|tracking|shipments?|consignment|invoices?|rma|tickets?|ref(?:erence)?|articles?|items?|sku|ean|isbn|gtin|upc|serial|models?|"
    r"part|product|customer (?:number|no|id|code)|membership|voucher|coupon|code|zip|postal|vat|tax|uid|"
    r"bestell\w*|auftrag\w*|rechnung\w*|sendung\w*|paket\w*|lieferung\w*|artikel\w*|art|serien\w*|modell\w*|kundennummer|kundennr|mitglied\w*|"
    r"gutschein\w*|plz|postleitzahl|vertrag\w*|vorgang\w*|aktenzeichen|steuer\w*|ust|"
    r"commande|colis|facture|pedido|factura|paquete|ordine|pacco|fattura|bestelling|pakket|factuur|zam[óo]wieni\w*|paczk\w*|faktur\w*|encomenda|fatura|sipari[şs]\w*|kargo"
)
_PHONE_UNSPACED = r"電話|电话|携帯|手机|手機|전화|휴대폰|핸드폰|โทร"
_OTHER_UNSPACED = r"注文|订单|訂單|伝票|追跡|单号|單號|商品|주문|송장|운송장"
_WORD = re.compile(
    rf"(?<![^\W_])(?:(?P<phone>{_PHONE_WORD})|(?P<other>{_OTHER_WORD}))(?![^\W_])"
    rf"|(?P<phone_unspaced>{_PHONE_UNSPACED})|(?P<other_unspaced>{_OTHER_UNSPACED})",
    re.IGNORECASE,
)
# Not over the end of a question: "… about articles? 0043 664 …" speaks of two things.
_IS = re.compile(
    r"[^\w?!;\n]{0,3}(?:(?:is|ist|war|was|number|nummer|no|nr|code|id|es|est|è)\b[^\w?!;\n]{0,3}){0,3}",
    re.IGNORECASE,
)
_MONEY_BEFORE = re.compile(r"(?:[€$£¥]|\b(?:eur|usd|chf|gbp)) ?$", re.IGNORECASE)
_UNIT_BEHIND = re.compile(
    r"(?:,\d| ?(?:[€$£¥%°]|(?:eur|euros?|usd|chf|gbp|dollars?|pounds?|franken|kg|g|km|m|mm|cm|ml|l|mah|wh|kwh|pcs|pieces|stück|stk)\b))",
    re.IGNORECASE,
)
_MONEY_CHARS = 4
_STOP = re.compile(r"[.?!;\n]")
_BEFORE, _BEHIND = 40, 24  # characters in which such a word is looked for
_ALONE = range(7, 15)  # digits beside a word
_ABROAD = range(8, 16)  # digits behind a "+"; E.164 allows 15
_MOST_GROUPS, _MOST_SMALL_GROUPS = 8, 16
_NANP = re.compile(r"(?:1[-. ])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])[2-9]\d\d[-. ]\d{4}")
# The forms of a first zero and of North America are telling by themselves: they are tried where no country is known.
_ANYWHERE = ("DE", "AT", "CH", "GB", "FR", "NL", "US")

# Countries that a language is mostly written in, and that a time zone lies in, by the zone's last part.
_OF_LANGUAGE = {
    "ar": "AE SA EG MA", "bg": "BG", "cs": "CZ", "da": "DK", "de": "DE AT CH", "el": "GR", "en": "GB US IE", "es": "ES MX",
    "fi": "FI", "fr": "FR BE CH", "he": "IL", "hr": "HR", "hu": "HU", "it": "IT CH", "ja": "JP", "ko": "KR", "nl": "NL BE",
    "no": "NO", "nb": "NO", "pl": "PL", "pt": "PT BR", "ro": "RO", "ru": "RU", "sk": "SK", "sl": "SI", "sv": "SE", "tr": "TR",
    "uk": "UA", "zh": "CN TW",
}  # fmt: skip
_OF_ZONE = {
    "Amsterdam": "NL", "Athens": "GR", "Belgrade": "RS", "Berlin": "DE", "Bratislava": "SK", "Brussels": "BE", "Bucharest": "RO",
    "Budapest": "HU", "Copenhagen": "DK", "Dublin": "IE", "Helsinki": "FI", "Istanbul": "TR", "Kiev": "UA", "Kyiv": "UA",
    "Lisbon": "PT", "Ljubljana": "SI", "London": "GB", "Luxembourg": "LU", "Madrid": "ES", "Malta": "MT", "Moscow": "RU",
    "Oslo": "NO", "Paris": "FR", "Prague": "CZ", "Riga": "LV", "Rome": "IT", "Sofia": "BG", "Stockholm": "SE", "Tallinn": "EE",
    "Vaduz": "LI", "Vienna": "AT", "Vilnius": "LT", "Warsaw": "PL", "Zagreb": "HR", "Zurich": "CH", "New_York": "US",
    "Chicago": "US", "Denver": "US", "Los_Angeles": "US", "Phoenix": "US", "Toronto": "CA", "Vancouver": "CA", "Mexico_City": "MX",
    "Sao_Paulo": "BR", "Sydney": "AU", "Melbourne": "AU", "Brisbane": "AU", "Perth": "AU", "Auckland": "NZ", "Tokyo": "JP",
    "Seoul": "KR", "Shanghai": "CN", "Taipei": "TW", "Hong_Kong": "HK", "Singapore": "SG", "Kolkata": "IN", "Dubai": "AE",
    "Riyadh": "SA", "Jerusalem": "IL", "Cairo": "EG", "Johannesburg": "ZA", "Casablanca": "MA",
}  # fmt: skip


def countries_of(
    locale: str | None = None, languages: Iterable[str] = (), time_zone: str | None = None
) -> tuple[str, ...]:
    """Where visitors are likely to dial from (two letters each): a conversation's locale, a site's languages and its time zone."""
    found: dict[str, None] = {}
    for tag in (locale or "", *languages):
        language, _, region = tag.replace("_", "-").partition("-")
        if len(region) == 2 and region.isalpha():
            found[region.upper()] = None
        found.update(dict.fromkeys(_OF_LANGUAGE.get(language.lower(), "").split()))
    if (country := _OF_ZONE.get((time_zone or "").rpartition("/")[2])) is not None:
        found[country] = None
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Said:
    """A text with the words in it that call a number one of a telephone, or of something else."""

    text: str
    words: tuple[re.Match[str], ...]
    ends: tuple[int, ...]  # of these words

    @classmethod
    def of(cls, text: str) -> "_Said":
        """What is said of numbers in `text`."""
        found = tuple(_WORD.finditer(text))
        return cls(text, found, tuple(word.end() for word in found))

    def other(self, start: int) -> bool:
        """Whether the number that starts here is said to be one of something else, or is money."""
        word = self._before(start)
        called = word is not None and _names_other(word) and _IS.fullmatch(self.text, word.end(), start)
        return bool(called or _MONEY_BEFORE.search(self.text, max(0, start - _MONEY_CHARS), start))

    def phone(self, start: int, end: int) -> bool:
        """Whether a word beside it calls this a telephone number: the nearest one before it, else the first behind it."""
        word = self._before(start)
        if word is None:
            at = bisect_left(self.ends, end)
            word = self.words[at] if at < len(self.words) else None
            if word is None or word.start() > end + _BEHIND or _STOP.search(self.text, end, word.start()):
                return False
        return not _names_other(word)

    def _before(self, start: int) -> re.Match[str] | None:
        at = bisect_right(self.ends, start) - 1
        return self.words[at] if at >= 0 and self.ends[at] > start - _BEFORE else None


def _names_other(word: re.Match[str]) -> bool:
    """Whether it names something other than a telephone."""
    return (word["other"] or word["other_unspaced"]) is not None


@dataclass(frozen=True, slots=True)
class _Group:
    """Digits without anything between them, at [start, end); a bracket or plus in front belongs to them."""

    start: int
    end: int
    digits: str


def phone_spans(text: str, countries: Sequence[str] = ()) -> Iterator[tuple[int, int]]:
    """Where telephone numbers stand, in order. `countries` (two letters): whose numbers may come without a prefix."""
    # Of the same length, so that places stay: a date is no part of a number.
    dateless = _DATE.sub(lambda match: "x" * len(match.group()), text)
    plans = _plans(tuple(dict.fromkeys(countries)))
    said = _Said.of(dateless)
    for run in _RUN.finditer(dateless):
        groups = [
            _Group(*match.span(), "".join(str(int(char)) for char in match[1]))
            for match in _GROUP.finditer(dateless, *run.span())
        ]
        at = 0
        while at < len(groups):
            most = _MOST_SMALL_GROUPS if at == 0 else _MOST_GROUPS
            number = _number(said, groups[at : at + most], plans, inner=at > 0)
            if number:
                yield groups[at].start, groups[at + number - 1].end
            at += number or 1


def _number(said: _Said, groups: Sequence[_Group], plans: "_Plans", *, inner: bool) -> int:
    """How many of these groups are one telephone number, as many as can be; 0 for none."""
    text, start, first = said.text, groups[0].start, groups[0].digits
    # Within a run a group starts a number only behind a space, and a digit alone none: "12/3456" is one, "1 2 3 4 5" too.
    if inner and (not text[start - 1].isspace() or len(first) == 1):
        return 0
    ends: list[tuple[int, int, str]] = []
    digits = ""
    for count, group in enumerate(groups, start=1):
        digits += group.digits
        if len(digits) > _ABROAD.stop:
            break
        if len(digits) >= _ALONE.start and not _goes_on(text, group.end):
            ends.append((count, group.end, digits))
    if not ends:
        return 0
    plus = text[start] in "+＋" or text[start : start + 2] in ("(+", "(＋")
    if not plus and said.other(start):
        return 0
    abroad = plus or first.startswith("00")
    for count, end, number in reversed(ends):
        if _dialled_abroad(number) if abroad else plans.holds(text[start:end], number):
            return count
    if plus or said.words:
        for count, end, number in reversed(ends):
            if len(number) in _ALONE and (plus or said.phone(start, end)):
                return count
    return 0


def _goes_on(text: str, end: int) -> bool:
    """Whether what stands behind shows that this is no number to dial, or not all of it."""
    behind = text[end : end + 2]
    if behind[:1].isalnum() and not _UNSPACED_LETTER.match(behind):
        return True
    another = behind[:1] == " " and behind[1:].isdigit()  # most often, and quicker told so
    return not another and _UNIT_BEHIND.match(text, end) is not None


def _dialled_abroad(digits: str) -> bool:
    """Whether these digits, the country's first, are a number of some country; a "(0)" behind the country is left out."""
    bare = digits.removeprefix("00")
    if len(bare) not in _ABROAD:
        return False
    for length in (1, 2, 3):
        form = _behind_code(int(bare[:length] or 0))
        if form is not None:
            rest = bare[length:]
            return form.fullmatch(rest) is not None or form.fullmatch(rest.removeprefix("0")) is not None
    return False


@lru_cache(maxsize=1024)
def _behind_code(code: int) -> re.Pattern[str] | None:
    """The form of what stands behind a country's code; None where no country has it."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code, ())
    forms = [form for region in regions if (form := _national(region)[0]) is not None]
    return re.compile("|".join(forms)) if forms else None


@dataclass(frozen=True, slots=True)
class _Plans:
    """What can be dialled: `zero` and `nanp` anywhere, `bare` in countries without a zero in front."""

    zero: re.Pattern[str]
    nanp: re.Pattern[str]
    bare: re.Pattern[str] | None

    def holds(self, written: str, digits: str) -> bool:
        """Whether a number written so is one of these."""
        if digits.startswith("0"):
            return not digits.startswith("00") and self.zero.fullmatch(digits) is not None
        if _NANP.fullmatch(written):
            return self.nanp.fullmatch(digits.removeprefix("1")) is not None
        # Without any sign of grouping an order's number looks the same.
        grouped = len(written) > len(digits)
        return grouped and self.bare is not None and self.bare.fullmatch(digits) is not None


@lru_cache(maxsize=256)
def _plans(countries: tuple[str, ...]) -> _Plans:
    zero: list[str] = []
    bare: list[str] = []
    for country in dict.fromkeys((*countries, *_ANYWHERE)):
        form, prefix = _national(country)
        if form is None:
            continue
        if prefix == "0":
            zero.append(f"0(?:{form})")
        elif country in countries:
            # Italy's numbers keep their zero, and North America's may have a 1 in front.
            (zero if country in ("IT", "SM", "VA") else bare).append(f"(?:{prefix})?(?:{form})")
            if country == "IT":
                bare.append(form)
    american, _ = _national("US")
    return _Plans(
        re.compile("|".join(zero)),
        re.compile(american or ""),
        re.compile("|".join(bare)) if bare else None,
    )


@lru_cache(maxsize=256)
def _national(country: str) -> tuple[str | None, str]:
    """The form of a country's own numbers, people's and not companies', and what is dialled in front of them at home."""
    known = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    if known is None:
        return None, ""
    kinds = (known.fixed_line, known.mobile, known.voip, known.personal_number)
    forms = [
        kind.national_number_pattern for kind in kinds if kind is not None and kind.national_number_pattern
    ]
    return "|".join(f"(?:{form})" for form in forms) or None, known.national_prefix or ""
