"""Facts in the visitor's words: verbatim, with the message and the place they stand at. Nothing is guessed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import phonenumbers

from minidesk.conversations import MessageView
from minidesk.text.redact import EMAIL, card_spans
from minidesk.tickets.records import Entity, EntityKind

# Words that announce an order's number, and others of the kind.
_ANNOUNCES = (
    r"order|parcel|tracking|shipment|invoice|return|rma|ticket|reference|bestellung|bestellnummer|auftrag|auftragsnummer|rechnung|"
    r"rechnungsnummer|sendung|sendungsnummer|paket|commande|colis|facture|suivi|retour|r[ée]f[ée]rence|pedido|paquete|env[ií]o|factura|"
    r"devoluci[oó]n|seguimiento|referencia|ordine|pacco|fattura|spedizione|reso|bestelling|bestelnummer|ordernummer|pakket|factuur|zending|"
    r"zam[oó]wieni\w*|paczk\w*|faktur\w*|przesyłk\w*|encomenda|fatura|rastreio|devolu[cç][aã]o|заказ\w{0,3}|посылк\w|накладн\w+|сч[её]т\w?|"
    r"sipari[sş]\w*|kargo\w*|fatura\w*|takip|(?:ال)?طلب(?:ي|ية|يتي)?|(?:ال)?شحنة|(?:ال)?فاتورة|ה?הזמנה|ה?הזמנתי|ה?חבילה|ה?משלוח|ה?חשבונית"
)
# Between such a word and the number.
_NUMBERED = r"is|ist|est|es|è|é|number|code|id|nummer|no|nr|num[ée]ro|n[°º.]?|n[uú]mero|n[uú]m|numer|номер\w?|numara\w*|رقم|رقمه|رقمها|מספר|מס|שלי"
# Written without spaces.
_ANNOUNCES_CLOSELY = r"(?:ご?注文|伝票|追跡|お問い合わせ|予約)(?:番号)?|(?:订单|訂單|运单|運單|快递单|物流单)(?:编?号|編?號)?|单号|單號"
_CODE = r"(?=[A-Z-]{0,12}\d)[A-Z0-9][A-Z0-9-]{3,23}"
# A number behind a word that announces one, a code that looks like one by itself, or a long number that is said alone:
# "It's 20431", "half of it is missing. 20431.", or nothing but "20431" where it was asked for.
_ORDER = re.compile(
    rf"\b(?:{_ANNOUNCES})\W{{0,3}}(?:(?:{_NUMBERED})\W{{1,3}}){{0,2}}[#№]?\s?(?P<announced>{_CODE})"
    rf"|(?:{_ANNOUNCES_CLOSELY})(?:は|是|为|為|の)?\W{{0,3}}(?P<closely>{_CODE})"
    r"|(?<![\w-])(?P<coded>[A-Z]{1,4}-?\d{4,12}(?:-\d{1,6})?|\#\d{4,12})(?![\w-])"
    r"|\b(?:number|nummer|nr\.?|no\.|it['’]s|it is|that['’]s|that is|es ist|das ist)(?:\s(?:is|ist))?\W{1,3}(?P<told>[1-9]\d{4,11})"
    r"(?![\w€$£%-]|[.,]\d|\s[\d€$£%])"
    r"|(?:^|(?<=[.!?;:(\n,])|(?<=[.!?;:,]\s))(?P<alone>[1-9]\d{4,11})(?=\s*(?:[.!?;)\n]|,\s|$))",
    re.IGNORECASE,
)
# Numbers of something else: they stand behind these.
_OTHER_NUMBER = re.compile(
    r"(?:(?:call|ring|text|reach)(?:\sme)?(?:\s(?:at|on))?|phone|mobile|cell|telefon|handy|fax|tel\.?|vat|tax|uid|ust-id|postal|zip|postleitzahl|plz)\W{0,2}(?:(?:number|nummer|nr|no|code|id)\b)?"
    r"\W{0,3}(?:(?:is|ist)\s)?$",
    re.IGNORECASE,
)
_REACH = 28  # characters before a number in which such a word is looked for
_AMOUNT = re.compile(
    r"(?<![\w.,])(?:(?:€|\$|£|EUR|USD|GBP|CHF)\s?\d{1,3}(?:[.,' ]?\d{3})*(?:[.,]\d{1,2})?(?:,-)?"
    r"|\d{1,3}(?:[.,' ]?\d{3})*(?:[.,]\d{1,2})?(?:,-)?\s?(?:€|\$|£|(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?|franken)\b))",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?|"
    r"sep(?:t(?:ember)?)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?)"
)
_COUNT = (
    r"\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|a\sfew|a\scouple\sof|"
    r"einem|einer|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|ein\spaar"
)
_DATE = re.compile(
    rf"\b(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}\.\s?\d{{1,2}}\.(?:\s?\d{{2,4}})?|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)?\s(?:of\s)?{_MONTH}\b(?:\.?\s\d{{4}})?|{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}})?"
    rf"|(?:{_COUNT})\s(?:day|week|month|year)s?\sago|vor\s(?:{_COUNT})\s(?:tag|woche|monat|jahr)e?n?"
    rf"|(?:beginning|start|middle|end)\sof\s(?:the\s(?:week|month|year)|next\s(?:week|month|year)|{_MONTH})|(?:anfang|mitte|ende)\s{_MONTH}"
    r"|yesterday|today|tonight|tomorrow|gestern|heute|übermorgen"
    r"|(?:last|next|this|on|since|until|by|letzten|letzter|letzte|nächsten|nächster|nächste|am|seit|bis)\s(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|"
    r"(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|weekend|week|month|year|woche|wochenende|monat|jahr))(?!\w)",
    re.IGNORECASE,
)
# Countries a shop is asked about most; a visitor's other countries are read by the agent, not by us.
_COUNTRY = re.compile(
    r"\b(?:Austria|Germany|Switzerland|Liechtenstein|Italy|France|Spain|Portugal|Netherlands|Belgium|Luxembourg|Denmark|Sweden|"
    r"Norway|Finland|Iceland|Poland|Czechia|Czech Republic|Slovakia|Slovenia|Hungary|Croatia|Romania|Bulgaria|Greece|Ireland|"
    r"United Kingdom|Great Britain|England|Scotland|Wales|USA|United States|Canada|Australia|New Zealand|Japan|China|India|Turkey|Ukraine|"
    r"Österreich|Deutschland|Schweiz|Italien|Frankreich|Spanien|Niederlande|Belgien|Dänemark|Schweden|Norwegen|Polen|Tschechien|"
    r"Ungarn|Kroatien|Griechenland|Vereinigtes Königreich|Großbritannien|Türkei)\b"
)
MAX_ENTITIES = 40
_T = TypeVar("_T")


def find_entities(
    messages: Iterable[MessageView], *, products: Sequence[str] = (), country: str | None = None
) -> tuple[Entity, ...]:
    """Facts in the visitor's messages, in order, none overlapping another.

    `products` are names from the knowledge base; `country` (two letters) lets telephone numbers be found that
    are written without a country's prefix. A fact said twice is kept where it was first said. Payment card
    numbers are left out: a ticket is read by more people than the conversation was meant for.
    """
    by_name = _product_pattern(products)
    found: list[Entity] = []
    seen: set[tuple[str, str]] = set()
    for message in messages:
        if message.author != "visitor":
            continue
        for entity in sorted(_of_message(message, by_name, country), key=lambda e: e.start):
            key = (entity.kind, (entity.normal or entity.text).lower())
            if key not in seen:
                seen.add(key)
                found.append(entity)
    return tuple(found[:MAX_ENTITIES])


def _of_message(message: MessageView, products: re.Pattern[str] | None, country: str | None) -> list[Entity]:
    taken = list(card_spans(message.text))
    entities: list[Entity] = []
    # Earlier kinds win a place that two of them claim: digits behind "order" are no telephone number.
    for kind, start, end, normal in _candidates(message.text, products, country):
        if all(end <= a or start >= b for a, b in taken):
            taken.append((start, end))
            entities.append(Entity(kind, message.id, start, end, message.text[start:end], normal))
    return entities


def _candidates(
    text: str, products: re.Pattern[str] | None, country: str | None
) -> Iterator[tuple[EntityKind, int, int, str | None]]:
    for match in _first(EMAIL.finditer(text)):
        yield "email", *match.span(), match.group().lower()
    for match in _first(_ORDER.finditer(text)):
        start, end = match.span(match.lastgroup or 0)
        if not _OTHER_NUMBER.search(text[max(0, start - _REACH) : start]):
            yield "order", start, end, None
    for match in _first(_AMOUNT.finditer(text)):
        yield "amount", *match.span(), None
    for match in _first(_DATE.finditer(text)):
        yield "date", *match.span(), None
    for phone in _first(phonenumbers.PhoneNumberMatcher(text, country)):
        normal = phonenumbers.format_number(phone.number, phonenumbers.PhoneNumberFormat.E164)
        yield "phone", phone.start, phone.end, normal
    for match in _first(products.finditer(text)) if products else ():
        yield "product", *match.span(), None
    for match in _first(_COUNTRY.finditer(text)):
        yield "country", *match.span(), None


def _first(found: Iterable[_T]) -> Iterator[_T]:
    """As many of one kind as are kept at all: 2,000 amounts in a message, each held against the others, took 0.3 s."""
    return islice(found, MAX_ENTITIES)


def _product_pattern(products: Sequence[str]) -> re.Pattern[str] | None:
    # The longest first, or "Lizum" would be found where "Lizum 2 tent" stands. One word of three letters is no name.
    names = sorted({p.strip() for p in products if len(p.strip()) > 3}, key=len, reverse=True)
    if not names:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(name) for name in names)})(?!\w)", re.IGNORECASE)
