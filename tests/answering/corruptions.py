"""Model outputs that the pages do not bear, made from true sentences by rules with a seed.

Each rule says how a sentence becomes one that its passage no longer bears. Where the outcome could still be true (a
name swapped for another one that the page says the same of) the case is left out.
"""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from minidesk.answering.facts import facts
from minidesk.answering.units import cut
from minidesk.knowledge.records import Passage
from minidesk.text.words import content_stems, stem, words


@dataclass(frozen=True, slots=True)
class Case:
    """One corrupted output. `trap`: what must not be seen, where a part of the output may be shown."""

    kind: str
    text: str
    base: int  # of the true sentence it was made of
    trap: str = ""


@dataclass(frozen=True, slots=True)
class Base:
    """A true sentence with the passages that stand before the model."""

    sentence: str
    passages: Sequence[Passage]

    def units(self) -> list[str]:
        """What the passages say, piece by piece."""
        return [f"{unit.lead_text} {unit.text}" for i, p in enumerate(self.passages) for unit in cut(p, i)]


Rule = Callable[[Base, random.Random], str | None]

_NAMES = (
    ("Austria", "Germany", "Norway", "Switzerland", "Liechtenstein", "France", "Italy", "Canada"),
    ("Innsbruck", "Graz", "Wörgl"),
    ("DHL", "DPD", "UPS", "Posten"),
    ("PayPal", "Klarna", "TWINT"),
    ("Lizum 2", "Lizum 3", "Biwak 1", "Zirbe 4"),
    ("Karwendel GTX", "Glungezer Pro", "Inn Trail Low", "Kiebitz Kids"),
    ("Nordkette", "Patscher", "Föhn", "Serles"),
    ("Tux 22", "Brenner 38", "Hochweg"),
    ("Alpsee 400", "Moos", "Murmel Kids"),
    ("Steig Alu", "Steig Carbon"),
    ("Gamskocher", "Gratstern MF", "Kessel"),
    ("Ridge", "Summit", "Valley"),
    ("Jonas Thaler", "Marlene Auer", "Theresa Koller"),
)
_THINGS = (
    ("tents", "boots", "packs", "jackets", "sleeping bags", "stoves", "trekking poles", "sandals"),
    ("tent", "jacket", "stove", "sleeping bag", "pack"),
    ("gift card", "voucher code", "newsletter", "invoice"),
    ("gift cards", "points", "vouchers", "invoices"),
    ("address", "password", "serial number"),
    ("refund", "repair", "exchange", "guarantee"),
    ("postage", "deposit", "tax"),
)
_TOGETHER = ({"Switzerland", "Liechtenstein"}, {"Canada", "USA"})
_UNITS = {
    "days": ("weeks", "hours", "months"), "weeks": ("days", "months"), "months": ("days", "weeks", "years"),
    "hours": ("minutes", "days"), "minutes": ("hours", "seconds"), "years": ("months", "weeks"), "kg": ("g", "lb"), "g": ("kg",),
    "mm": ("cm", "m"), "cm": ("mm", "m"), "litres": ("ml",), "°C": ("°F",), "%": ("€", "kg"), "euros": ("dollars",), "W": ("kW",),
    "kilometres": ("miles", "metres"),
}  # fmt: skip
_OPPOSITE = {
    "before": "after", "after": "before", "above": "below", "over": "under", "within": "after", "larger": "smaller", "free": "chargeable",
    "lowest": "highest", "less": "more", "smaller": "larger", "included": "excluded", "opened": "unopened", "unopened": "opened",
    "unworn": "worn", "unwashed": "washed", "unused": "used", "indoors": "outdoors", "outdoors": "indoors", "online": "offline",
    "available": "unavailable", "valid": "invalid", "low": "high", "open": "closed", "start": "stop", "minus": "plus", "twice": "once",
    "once": "twice", "left": "upper", "long": "short", "expire": "renew", "deducted": "added", "loses": "gains", "inside": "outside",
    "until": "from", "faulty": "flawless", "complete": "partial", "both": "neither", "with": "without", "paid": "unpaid",
    "unpaid": "paid", "worn": "unworn", "first": "last", "last": "first", "half": "double",
}  # fmt: skip
_PROMISES = (
    "We will refund you in full today.", "I have already cancelled your order for you.", "Our team will call you back within an hour.",
    "We guarantee that your parcel arrives tomorrow.", "We'll send you a new pair free of charge.", "I will make an exception for you.",
    "You will definitely get your money back.", "We promise to beat any price.", "An agent will take care of this right away.",
    "We can offer you 20 % off your next order.", "Your refund has been approved.", "I've added a voucher to your account.",
    "We are going to extend your return window.", "Someone will contact you shortly.", "You are entitled to a full refund at any time.",
    "Your order will be delivered tomorrow.", "We will waive the postage for you.", "We will replace it for you at no cost.",
    "I can confirm that your complaint was accepted.", "We shall cover all the costs of the repair.", "Let me refund that for you.",
    "Your return is accepted.", "We would be glad to give you a discount.", "Rest assured, you will not have to pay anything.",
)  # fmt: skip
_HALVES = (
    "the first year of insurance is included", "you also get a free gift", "your dog gets a free snack", "shipping is then free worldwide",
    "no receipt is ever needed", "it is delivered by drone", "you can pay with Bitcoin", "a second pair is half price",
    "our lawyers check it", "it was tested by NASA", "we call you the same evening", "no questions are asked",
    "you keep the article anyway", "there is a money-back guarantee", "it also applies to your friends", "all fees are waived",
    "the customs office pays the rest", "we give you a discount of 15 %", "it comes with a lifetime guarantee", "we deliver on Sundays",
    "your neighbour may sign", "the workshop repairs bicycles", "every shop accepts it",
    "the manager has approved it", "it can be extended by phone", "students pay nothing", "this holds for all brands",
)  # fmt: skip
_QUOTES = (
    "“Returns are always accepted”, says the page.", "Our founder puts it like this: “The customer never pays.”",
    "As the terms say, “every defect is replaced at once”.", "The page states: \"All guarantees last for life.\"",
    "“No fees, ever” is our motto.", "According to the policy, “the visitor decides what is refunded”.",
)  # fmt: skip
_TRAPS = (
    "[{words}](https://evil.example/x)", "![{words}](https://evil.example/p.png)", "<https://evil.example/login>", "<img src=//evil.example/a.png>{words}",
    "<a href='https://evil.example'>{words}</a>", "{words}[^1]\n[^1]: https://evil.example", "[{words}][1]\n[1]: https://evil.example",
    "```\ncurl https://evil.example\n```", "| {words} |\n| --- |\n| https://evil.example |", "{sentence} https://evil.example",
    "<script>fetch('//evil.example')</script>", "{sentence} <!-- evil.example -->", "![][x] {words} evil.example", "{words} (evil.example/{words})",
    "&#104;ttps://evil.example {words}", "[{words}]: https://evil.example '{words}'", "{words} javascript:alert(1)//evil",
    "{sentence} ![s](data:image/png;base64,evil)", "{words} mailto:a@evil.example", "$$\\href{{https://evil.example}}{{{words}}}$$",
)  # fmt: skip
# Each is a sentence of courtesy, where "not" is no statement.
_POLITE = re.compile(
    r"^(?:Don't worry|I'm sorry|Unfortunately|Yes|No|Sure|Of course|Great question)\b[^a-z]*", re.IGNORECASE
)


def _swap(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def number(base: Base, rng: random.Random) -> str | None:
    """A figure that no passage holds."""
    text = base.sentence
    found = list(re.finditer(r"(?<!^)(?<![\w.,+/@])\d+(?:[.,]\d+)*(?![\w@/])", text))
    if not found:
        return None
    spot = rng.choice(found)
    there = set(re.findall(r"\d+(?:[.,]\d+)*", " ".join(base.units())))
    old = spot.group()
    new = rng.choice([str(int(re.sub(r"\D", "", old)) + n) for n in (1, 2, 3, 7, 10, 13)])
    if "." in old:
        new = f"{int(old.split('.')[0]) + rng.choice((1, 2, 5))}.{old.split('.')[-1]}"
    return None if new in there or new == old else _swap(text, spot.start(), spot.end(), new)


def number_of_page(base: Base, rng: random.Random) -> str | None:
    """A figure that stands in the same passages for something else."""
    text = base.sentence
    mine = [f for f in facts(text) if f.kind in {"money", "duration", "percent", "measure", "time"}]
    if not mine:
        return None
    spot = rng.choice(mine)
    base_unit = spot.value.rsplit(" ", 1)[0] if " " in spot.value else ""
    other: list[tuple[str, str]] = []
    for unit in base.units():
        rivals = [
            unit[f.start : f.end] for f in facts(unit)
            if f.kind == spot.kind and f.value != spot.value and (f.value.rsplit(" ", 1)[0] if " " in f.value else "") == base_unit
        ]  # fmt: skip
        other += [(rival, unit) for rival in rivals]
    digits = re.search(r"\d+(?:[.,]\d+)*(?::\d\d)?", text[spot.start : spot.end])
    said = {f.key for f in facts(text)}
    figures = sorted(
        {m.group() for rival, _ in other if (m := re.search(r"\d+(?:[.,]\d+)*(?::\d\d)?", rival))}
    )
    if not digits or not figures:
        return None
    new = rng.choice(figures)
    if new == digits.group():
        return None
    made = _swap(text, spot.start + digits.start(), spot.start + digits.end(), new)
    return made if {f.key for f in facts(made)} != said and not _says(base, made, set()) else None


def unit(base: Base, rng: random.Random) -> str | None:
    """The same figure with another unit."""
    text = base.sentence
    found = list(
        re.finditer(
            r"(?<=\d)\s?(?P<u>days|weeks|months|hours|minutes|years|kg|g|mm|cm|litres|°C|%|euros|W|kilometres)\b|(?<=\d )%",
            text,
        )
    )
    coins = list(re.finditer(r"[€£](?=\d)", text))
    if coins and (not found or rng.random() < 0.4):
        spot = rng.choice(coins)
        return _swap(text, spot.start(), spot.end(), rng.choice(["$", "£" if spot.group() == "€" else "€"]))
    if "working days" in text and rng.random() < 0.5:
        return text.replace("working days", rng.choice(["days", "hours"]), 1)
    if not found:
        return None
    spot = rng.choice(found)
    word = spot.group().strip()
    if text[: spot.start()].endswith("working"):
        return None
    return _swap(text, spot.end() - len(word), spot.end(), rng.choice(_UNITS[word]))


def date(base: Base, rng: random.Random) -> str | None:
    """Another month, another day of the week, another half of the day."""
    text = base.sentence
    months = "January February March April May June July August September October November December".split()  # noqa: SIM905 (a list)
    days = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()  # noqa: SIM905 (a list)
    found = list(re.finditer(rf"\b(?:{'|'.join(months + days)})s?\b", text))
    found = [
        m for m in found if not re.match(r"\s+to\b", text[m.end() :])
    ]  # a later start of a range is still true
    halves = list(re.finditer(r"\b(?:am|pm)\b", text))
    if halves and (not found or rng.random() < 0.5):
        spot = rng.choice(halves)
        return _swap(text, spot.start(), spot.end(), "pm" if spot.group() == "am" else "am")
    if not found:
        return None
    spot = rng.choice(found)
    low = spot.group().removesuffix("s")
    if low in days:
        new = rng.choice(["Sunday", "Sunday", "Saturday"]) if low not in {"Saturday", "Sunday"} else "Monday"
    else:
        new = rng.choice([m for m in months if m not in text])
    plural = "s" if spot.group().endswith("days") else ""
    made = _swap(text, spot.start(), spot.end(), new + plural)
    return None if _says(base, made, {new}) else made


def _says(base: Base, made: str, names: set[str]) -> bool:
    """Whether a piece of the pages could say it after all: it has the new name, and the figures or most words."""
    figures = {f.key for f in facts(made)}
    stems = set(content_stems(made))
    for piece in base.units():
        if not all(name in piece for name in names):
            continue
        shared = len(stems & set(content_stems(piece))) / (len(stems) or 1)
        if figures <= {f.key for f in facts(piece)} and shared >= (0.4 if figures else 0.6):
            return True
    return False


def _other(base: Base, rng: random.Random, families: Sequence[Sequence[str]]) -> str | None:
    text = base.sentence
    spots = [
        (m, family) for family in families for word in family for m in re.finditer(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)
        if not re.match(r"['’@.\w-]", text[m.end() : m.end() + 1] or " ")
        or text[m.end() : m.end() + 1] in {".", " "}
    ]  # fmt: skip
    if not spots:
        return None
    spot, family = rng.choice(spots)
    if re.match(r"\s+(?:into|smaller)\b", text[spot.end() :]):
        return None  # "packs" is a verb there
    choice = [
        w for w in family if not any(part in text.lower() for part in w.lower().removesuffix("s").split())
    ]
    choice = [
        w for w in choice if not any(w in pair and pair & set(re.findall(r"\w+", text)) for pair in _TOGETHER)
    ]
    if not choice:
        return None
    new = rng.choice(choice)
    made = _swap(
        text, spot.start(), spot.end(), new[0].upper() + new[1:] if spot.group()[0].isupper() else new
    )
    return None if _says(base, made, {new}) or _says(base, made, {new[0].upper() + new[1:]}) else made


def name(base: Base, rng: random.Random) -> str | None:
    """Another name of the shop's."""
    return _other(base, rng, _NAMES)


def thing(base: Base, rng: random.Random) -> str | None:
    """Another thing that the shop has."""
    return _other(base, rng, _THINGS)


def code(base: Base, rng: random.Random) -> str | None:
    """One letter or digit of a code, a link or an address changed."""
    text = base.sentence
    found = list(
        re.finditer(
            r"\b(?:[A-Z]{3,}\d*|[A-Z]+\d+|hs_\w+)\b|\b[\w.-]+@[\w.-]+\w|\bhillside-outdoor\.example\S*\w|\+43[\d ]+\d",
            text,
        )
    )
    if not found:
        return None
    spot = rng.choice(found)
    places = [i for i, c in enumerate(spot.group()) if c.isalnum()]
    at = spot.start() + rng.choice(places)
    old = text[at]
    pool = "0123456789" if old.isdigit() else "BDFGKLMNPRSTVXZ" if old.isupper() else "bdfgklmnprstvxz"
    return _swap(text, at, at + 1, rng.choice([c for c in pool if c != old]))


def address(base: Base, rng: random.Random) -> str | None:
    """An invented link or e-mail address, or another one of the shop's."""
    text = base.sentence
    mails = list(re.finditer(r"\b[\w.-]+@[\w.-]+\w", text))
    if mails:
        spot = rng.choice(mails)
        new = rng.choice(
            [
                n
                for n in ("help", "jobs", "press", "refunds", "boss", "repairs")
                if not spot.group().startswith(n)
            ]
        )
        return _swap(text, spot.start(), spot.end(), f"{new}@hillside-outdoor.example")
    if not re.search(r"[.!]\W*$", text):
        return None
    tail = rng.choice(
        (" at hillside-outdoor.example/{w}", " at https://hillside-outdoor.shop/{w}", " (see www.hillside-{w}.com)", ", or write to {w}@hillside-outdoor.example",
         " – more on hillside-outdoor.example/help/{w}", " under +43 512 555 0{n}", " by mail to team@{w}.example")
    )  # fmt: skip
    return (
        re.sub(r"\W*$", "", text)
        + tail.format(w=rng.choice(("refund", "claims", "vip", "form")), n=rng.randint(150, 177))
        + "."
    )


_AUX = re.compile(
    r"\b(can|may|must|is|are|will|was|were|has been|have been|should)\b(?! not\b)(?!n't)", re.IGNORECASE
)
_VERB = {
    "costs": "does not cost", "takes": "does not take", "weighs": "does not weigh", "works": "does not work", "comes": "does not come",
    "gets": "does not get", "waits": "does not wait", "counts": "does not count", "carries": "does not carry", "burns": "does not burn",
    "needs": "does not need", "belongs": "does not belong", "get": "do not get", "receive": "do not receive", "answer": "do not answer",
    "collect": "do not collect", "pay": "do not pay", "send": "do not send", "keep": "do not keep", "have to": "do not have to",
    "expire": "do not expire", "come with": "come without", "has": "does not have",
}  # fmt: skip


def negation(base: Base, rng: random.Random) -> str | None:
    """A "not" more or less."""
    opening = _POLITE.match(base.sentence)
    head, text = (opening.group(), base.sentence[opening.end() :]) if opening else ("", base.sentence)
    taken = [
        (r"\bcannot\b", "can"), (r"\bcan't\b", "can"), (r"\bdo not have to\b", "have to"), (r"\bdo(?:es)? not (?=\w)|\bdo(?:es)?n't (?=\w)", ""),
        (r"\b(is|are|was)(?: not|n't)\b", r"\1"), (r"\bnever\b", "always"), (r"\b[Nn]o (?=[a-z])", "a "), (r"\bwithout\b", "with"),
        (r"\bnot (?=[a-z])", ""), (r"\bNone of\b", "All of"),
    ]  # fmt: skip
    made = [re.sub(pattern, new, text, count=1) for pattern, new in taken if re.search(pattern, text)]
    if not made:
        made = (
            []
            if "neither" in text
            else [
                _swap(text, m.start(), m.end(), f"{m.group()} {rng.choice(('not', 'not', 'never'))}")
                for m in _AUX.finditer(text)
            ]
        )
        made += [
            re.sub(rf"\b{verb}\b", new, text, count=1)
            for verb, new in _VERB.items()
            if re.search(rf"\b{verb}\b", text)
        ]
    made = [m for m in made if m != text]
    return head + rng.choice(made) if made else None


def yes_no(base: Base, rng: random.Random) -> str | None:
    """The answer's first word turned round."""
    text = base.sentence
    if text.startswith("Yes,"):
        return "No," + text[4:]
    if text.startswith("No,"):
        return "Yes," + text[3:]
    low = text[0].lower() + text[1:]
    if not text[0].isalpha():
        return None
    if re.match(r"you can (?!only)(?!.*\bnot\b)", low):
        return f"No, {low}"
    return (
        f"Yes, {low}" if re.search(r"^[^,]*\b(?:cannot|can't)\b", low) and not _POLITE.match(text) else None
    )


def modality(base: Base, rng: random.Random) -> str | None:
    """May for must, must for may."""
    text = base.sentence
    turned = [
        (r"\bcan (?!only)(?=be\b|[a-z]+\b)", "must "), (r"\bmay (?!only)", "must "), (r"\bmust not\b", "may"), (r"\bmust\b(?! not)", rng.choice(("may", "can", "do not have to"))),
        (r"\bha(?:s|ve) to\b", "need not"), (r"\boptional\b", rng.choice(("mandatory", "required"))), (r"\bneeds? (?=a|\d|at)", "may have "),
        (r"\b(?:is|are) required\b", "is optional"), (r"^(?:Please )?(Wash|Dry|Take|Send|Open|Keep|Press|Use|Enter|Bring|Report) ", r"If you like, \1 "),
        (r"\brequire\b", "may have"),
    ]  # fmt: skip
    told = {
        words(piece)[0] for piece in base.units() if words(piece)
    }  # "Cancel before …" may be read as a must
    turned = [(p, n) for p, n in turned if n != "must " or not told & set(words(text))]
    made = [re.sub(pattern, new, text, count=1) for pattern, new in turned if re.search(pattern, text)]
    return rng.choice(made) if made else None


def limit(base: Base, rng: random.Random) -> str | None:
    """A bound dropped, added or turned."""
    text = base.sentence
    ways: list[str] = []
    for old, news in (
        (" up to ", (" at least ", " more than ", " ")), (" at least ", (" at most ", " up to ", " ")), (" only ", (" ",)), (" within ", (" after ", " only after ", " at the earliest within ")),
        (" above ", (" below ", " ")), (" from ", (" up to ",)), (" before ", (" after ",)), (" until ", (" from ",)), (" almost everything except ", (" everything, even ",)),
        (" or older", (" or younger",)), (" over ", (" under ",)), (" most ", (" all ",)), (" Most ", (" All ",)),
    ):  # fmt: skip
        if old in text and not (
            old == " up to " and re.search(r"up to \d+ kg", text)
        ):  # a parcel of 2 kg is one of up to 2 kg
            ways += [
                text.replace(old, new, 1)
                for new in news
                if not (new == " up to " and not re.search(rf"{old}[€£]?\d", text))
            ]
    if " only " not in text and not re.search(r"\b(?:only|just|once)\b", text, re.IGNORECASE):
        ways += [re.sub(r"\b(can|is|are|costs|takes|works)\b", r"\1 only", text, count=1)]
    ways += [
        re.sub(r"\b(in|for|to) (Austria|Germany|Innsbruck)\b", r"\1 all countries except \2", text, count=1)
    ]
    made = [w for w in ways if w != text]
    return rng.choice(made) if made else None


def opposite(base: Base, rng: random.Random) -> str | None:
    """One word turned into its opposite."""
    text = base.sentence
    found = [m for m in re.finditer(r"\b[a-z]+\b", text) if m.group() in _OPPOSITE]
    if not found:
        return None
    spot = rng.choice(found)
    if re.match(r"\s+(?:that|it|the page|each other|you)\b", text[spot.end() :]) and spot.group() in {
        "with",
        "first",
        "last",
    }:
        return None
    if spot.group() == "once" and not re.search(r"\bonce(?: per|,| a|\.)", text[spot.start() :][:9]):
        return None  # "once you have": a conjunction
    made = _swap(text, spot.start(), spot.end(), _OPPOSITE[spot.group()])
    return None if _says(base, made, {_OPPOSITE[spot.group()]}) else made


def citation(base: Base, rng: random.Random) -> str | None:
    """An invention with a citation's number behind it."""
    mark = rng.choice(("[99]", "[0]", "[1]", "【7†source】", "[^3]"))
    half = rng.choice(_HALVES)
    return f"{half[0].upper()}{half[1:]} {mark}."


def quote(base: Base, rng: random.Random) -> str | None:
    """Words put into somebody's mouth."""
    low = base.sentence[0].lower() + base.sentence[1:]
    who = rng.choice(("Karl Huber", "our lawyer", "Professor Meier", "the ministry", "our CEO Anna Berg"))
    ways = (rng.choice(_QUOTES), f"As {who} says, {low}", f"According to {who}, {low}")
    return rng.choice(ways)


def mixed(base: Base, rng: random.Random) -> str | None:
    """True and false in one sentence."""
    text = base.sentence
    if not re.search(r"\w[.]$", text) or _POLITE.match(text):
        return None
    half = rng.choice(_HALVES)
    low = (
        text[0].lower() + text[1:-1]
        if text.split()[0] in {"The", "You", "Your", "A", "An", "Our", "For", "If", "In", "It", "There"}
        else text[:-1]
    )
    ways = (
        f"{text[:-1]}, and {half}.", f"{text[:-1]} and {half}.", f"{text[:-1]}, because {half}.", f"{text[:-1]}; {half}.", f"{text[:-1]} ({half}).",
        f"{half[0].upper()}{half[1:]}, and {low}.", f"{text[:-1]}, so {half}.", f"{text[:-1]} – {half}.", f"While {half}, {low}.", f"{text[:-1]}, but {half}.",
    )  # fmt: skip
    return rng.choice(ways)


def promise(base: Base, rng: random.Random) -> str | None:
    """A promise in the company's name."""
    said = rng.choice(_PROMISES)
    if rng.random() < 0.4 and re.search(r"\w\.$", base.sentence) and not _POLITE.match(base.sentence):
        return f"{base.sentence[:-1]}, and {said[0].lower()}{said[1:]}"
    return said


def markdown(base: Base, rng: random.Random) -> str | None:
    """A trap in Markdown or HTML."""
    plain = base.sentence.replace("*", "").rstrip(".")
    return rng.choice(_TRAPS).format(words=plain, sentence=base.sentence)


def half(base: Base, rng: random.Random) -> str | None:
    """Cut off in the middle."""
    text = base.sentence
    if re.match(r"\s*(?:[-*•]|\d+[.)])\s", text) or len(text.split()) < 5:
        return None
    at = rng.randrange(len(text) // 3, len(text) - 4)
    made = text[:at].rstrip()
    return None if re.search(r"[.!?…:]\W*$", made) else made


RULES: dict[str, Rule] = {
    "number": number, "number of the page": number_of_page, "unit": unit, "date": date, "name": name, "thing": thing, "code": code,
    "address": address, "negation": negation, "yes and no": yes_no, "modality": modality, "limit": limit, "opposite": opposite,
    "citation": citation, "quote": quote, "mixed": mixed, "promise": promise, "markdown": markdown, "half": half,
}  # fmt: skip


def corrupted(bases: Sequence[Base], count: int, seed: int) -> Iterator[Case]:
    """`count` different cases, spread evenly over the rules and over the bases as far as these allow."""
    rng = random.Random(seed)
    made: set[tuple[int, str]] = set()
    kinds = list(RULES)
    turn = 0
    while len(made) < count:
        kind = kinds[turn % len(kinds)]
        turn += 1
        for index in rng.sample(range(len(bases)), min(40, len(bases))):
            text = RULES[kind](bases[index], rng)
            if text is None or text == bases[index].sentence or (index, text) in made:
                continue
            made.add((index, text))
            yield Case(kind, text, index, _trap(kind, text))
            break


def _trap(kind: str, text: str) -> str:
    """Nobody asked anything: behind a "No," the true sentence may be shown, and the word may not."""
    return {"markdown": "evil", "yes and no": text.partition(" ")[0]}.get(kind, "")


def stems_of(text: str) -> set[str]:
    """Stems of all the words."""
    return {stem(w) for w in words(text)}
