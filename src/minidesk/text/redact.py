"""Private facts out of a text before it leaves for a model, and back in what the model writes.

An e-mail address, telephone number, payment card, IBAN or a site's own kind of number becomes a token such as
`[email-1]`. A model can still speak of it; the provider never learns it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import phonenumbers

from minidesk.errors import Invalid

Kind = Literal["email", "iban", "card", "phone", "id"]

EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,6}[a-z]{2,24}(?![\w-])", re.IGNORECASE)
_IBAN = re.compile(r"(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,4}){3,8}(?![A-Z0-9])", re.IGNORECASE)
CARD = re.compile(r"(?<![\d-])(?:\d[ -]?){12,18}\d(?!\d)")
_TOKEN = re.compile(r"\[(?:email|iban|card|phone|id)-\d{1,3}\]")
# The longest token is `[email-999]`: a stream is held back no further than that.
_TOKEN_CHARS = 11
# Lengths of an IBAN, the country's two letters included (ISO 13616: Norway has the shortest, Malta and others up to 34).
_IBAN_CHARS = range(15, 35)
_PATTERN_CHARS = 40
MAX_PATTERNS = 20


@dataclass(frozen=True, slots=True)
class PrivateSpan:
    """A private fact: `text[start:end]`."""

    kind: Kind
    start: int
    end: int


def find_private(
    text: str, *, country: str | None = None, patterns: Sequence[re.Pattern[str]] = ()
) -> list[PrivateSpan]:
    """Private facts in order, none overlapping another.

    `country` (two letters) lets telephone numbers be found that have no country's prefix; `patterns` come from
    `id_pattern`.
    """
    found: list[PrivateSpan] = []
    for kind, start, end in _candidates(text, country, patterns):
        if all(end <= other.start or start >= other.end for other in found):
            found.append(PrivateSpan(kind, start, end))
    return sorted(found, key=lambda span: span.start)


def id_pattern(form: str) -> re.Pattern[str]:
    """A site's own kind of number as a pattern: `#` is a digit, `@` a letter, all else itself (`AG-#####`).

    Raises Invalid. No regular expressions: one that is badly written would let a long message hold up a server.
    """
    form = form.strip()
    if not 3 <= len(form) <= _PATTERN_CHARS or "#" not in form:
        raise Invalid(
            f"Write a number's form with # for a digit and @ for a letter, such as AG-#####, in 3 to {_PATTERN_CHARS} characters.",
            code="invalid_pattern",
        )
    parts = (r"\d" if char == "#" else "[A-Za-z]" if char == "@" else re.escape(char) for char in form)
    return re.compile(rf"(?<!\w){''.join(parts)}(?!\w)", re.IGNORECASE)


def _candidates(
    text: str, country: str | None, patterns: Sequence[re.Pattern[str]]
) -> Iterator[tuple[Kind, int, int]]:
    # Earlier kinds win a place that two of them claim: the digits of a card are no telephone number.
    for match in EMAIL.finditer(text):
        yield "email", *match.span()
    for match in _IBAN.finditer(text):
        if _is_iban(match.group()):
            yield "iban", *match.span()
    for match in CARD.finditer(text):
        if is_card(match.group()):
            yield "card", *match.span()
    for pattern in patterns:
        for match in pattern.finditer(text):
            yield "id", *match.span()
    for phone in phonenumbers.PhoneNumberMatcher(text, country):
        yield "phone", phone.start, phone.end


def is_card(digits: str) -> bool:
    """Luhn's check, which every payment card number passes (ISO/IEC 7812-1); other characters are passed over."""
    total = 0
    for i, digit in enumerate(reversed([int(c) for c in digits if c.isdigit()])):
        doubled = digit * 2 if i % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _is_iban(text: str) -> bool:
    """The check of ISO 13616: the first four characters behind the others, letters as 10 to 35, modulo 97 is 1."""
    plain = re.sub(r"[ -]", "", text).upper()
    if len(plain) not in _IBAN_CHARS:
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


@dataclass(slots=True)
class Redaction:
    """The private facts of one call: each has the same token wherever it stands.

    Only what is found in `private` texts (the visitor's) is hidden; the same words are then hidden in all texts.
    """

    tokens: dict[str, str] = field(default_factory=dict)  # fact → token
    facts: dict[str, str] = field(default_factory=dict)  # token → fact

    @classmethod
    def of(
        cls,
        private: Iterable[str],
        *,
        country: str | None = None,
        patterns: Sequence[re.Pattern[str]] = (),
    ) -> "Redaction":
        """What these texts hold."""
        made = cls()
        held = list(private)
        # A visitor may write `[email-1]` themselves: that token is then nobody's.
        taken = {token for text in held for token in _TOKEN.findall(text)}
        for text in held:
            for span in find_private(text, country=country, patterns=patterns):
                made._add(span.kind, text[span.start : span.end], taken)
        return made

    def _add(self, kind: Kind, fact: str, taken: set[str]) -> None:
        if fact in self.tokens:
            return
        n = 1
        while (token := f"[{kind}-{n}]") in self.facts or token in taken:
            n += 1
        self.tokens[fact], self.facts[token] = token, fact

    def hide(self, text: str) -> str:
        """The text with tokens."""
        if not self.tokens:
            return text
        # The longest first, or an address inside a longer one would leave the rest of that behind.
        every = "|".join(re.escape(fact) for fact in sorted(self.tokens, key=len, reverse=True))
        return re.sub(every, lambda match: self.tokens[match.group()], text)

    def restore(self, text: str) -> str:
        """The text with the facts again; tokens that were never given stay as they are."""
        return _TOKEN.sub(lambda match: self.facts.get(match.group(), match.group()), text)

    def restorer(self) -> "Restorer":
        """For a stream."""
        return Restorer(self)


class Restorer:
    """Puts facts back into a stream whose pieces may cut a token in two."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._held = ""

    def feed(self, piece: str) -> str:
        """What can be passed on by now."""
        text = self._held + piece
        cut = text.rfind("[", max(0, len(text) - _TOKEN_CHARS))
        # Only what can still become a token waits: an ordinary bracket must not hold up a sentence.
        if cut >= 0 and self._may_become_token(text[cut:]):
            text, self._held = text[:cut], text[cut:]
        else:
            self._held = ""
        return self._redaction.restore(text)

    def end(self) -> str:
        """What was held back; the stream is over."""
        text, self._held = self._held, ""
        return text

    def _may_become_token(self, start: str) -> bool:
        return any(token.startswith(start) and token != start for token in self._redaction.facts)
