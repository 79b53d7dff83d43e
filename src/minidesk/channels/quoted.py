"""What somebody wrote anew in a mail: without the mail that it answers, and without the signature.

Rules, in their order. A cut too few shows an agent some history; one too many would lose what a customer wrote. So each
needs a sign that mail programs write and people do not:

1. From a line that programs put above a whole mail ("-----Original Message-----", or three header lines such as From, Sent,
   Subject below each other) all the rest goes.
2. Lines with ">" go, and with them the line above that says who wrote ("On … wrote:"), which may be folded over three.
   What stands between or below them stays: people answer there. Without ">" such a line cuts only where it names a day or an
   address, as programs write it, and nothing but the old mail can follow.
3. From "-- " alone on its line (RFC 3676, 4.3) the rest is a signature, and so is a last line like "Sent from my phone".
"""

import re

_ORIGINAL = re.compile(
    r"^\s*[-_]{3,}\s*(?:original message|ursprüngliche nachricht|originalnachricht|message d'origine|message original|mensaje original|"
    r"messaggio originale|oorspronkelijk bericht|wiadomość oryginalna|mensagem original|orijinal ileti|forwarded message|"
    r"weitergeleitete nachricht)\s*[-_]{3,}\s*$",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"^\s*\*?(?:from|sent|date|to|cc|subject|von|gesendet|datum|an|betreff|de|envoyé|à|objet|enviado|para|asunto|da|inviato|a|oggetto|"
    r"van|verzonden|aan|onderwerp|od|wysłano|do|temat|assunto|kimden|gönderildi|kime|konu)\s?:\*?\s+\S",
    re.IGNORECASE,
)
_ON = re.compile(
    r"^\s*(?:on|am|le|el|il|op|w dniu|em|den|dnia|vào)\b.{4,300}\b(?:wrote|schrieb[^:]{0,80}|a écrit|escribió|ha scritto|schreef[^:]{0,80}|"
    r"napisał(?:\(a\)|a)?|escreveu|skrev)\s?:\s*$",
    re.IGNORECASE,
)
_BY = re.compile(
    r"^.{4,300}\b(?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|napisał(?:\(a\)|a)?|escreveu|yazdı)\s?:\s*$",
    re.IGNORECASE,
)
# What a program writes in such a line: a year, a time of day, or an address.
_DATED = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}[:.]\d\d\b|\S@\S")
_PHONE = re.compile(
    r"^\s*(?:sent from my|sent from (?:outlook|mail|yahoo)|get outlook for|von meinem .{2,40} gesendet|gesendet von|envoyé de mon|"
    r"enviado desde mi|inviato da|verzonden vanaf|verstuurd vanaf|wysłane z|enviado do meu)\b.{0,60}$",
    re.IGNORECASE,
)
_FOLDED = 3  # lines over which "On … wrote:" may run
_HEADERS = 3  # of them below each other: one alone ("To: be sure") is somebody's own


def newly_written(text: str) -> str:
    """The new part of a mail's text; empty where there is none. CPU work."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = _without_whole_mail(lines)
    lines = _without_quotes(lines)
    lines = _without_signature(lines)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _without_whole_mail(lines: list[str]) -> list[str]:
    for at, line in enumerate(lines):
        if _ORIGINAL.match(line):
            return lines[:at]
        if (
            _HEADER.match(line)
            and all(_HEADER.match(each) for each in lines[at : at + _HEADERS])
            and at + _HEADERS <= len(lines)
        ):
            above = lines[:at]
            while above and re.fullmatch(r"\s*_{5,}\s*|\s*", above[-1]):  # Outlook's rule above it
                above.pop()
            return above
    return lines


def _without_quotes(lines: list[str]) -> list[str]:
    kept: list[str] = []
    # For each of them where the words up to it end. Looked for at each ">", thousands of empty lines would cost their square.
    ends: list[int] = []
    quoting = looked = False
    for line in lines:
        before, quoting = quoting, line.lstrip().startswith(">")
        if not quoting:
            kept.append(line)
            if line.strip():
                ends.append(len(kept))
                looked = False
            else:
                ends.append(ends[-1] if ends else 0)
        elif not before and not looked:
            start = _attribution(kept, ends[-1] if ends else 0)
            looked = start is None
            if start is not None:
                del kept[start:], ends[start:]
    for folded in range(1, _FOLDED + 1):
        for at in range(len(kept) - folded + 1):
            said = kept[at : at + folded]
            if _tells_who_wrote(said) and _DATED.search(" ".join(said)):
                return kept[:at]
    return kept


def _tells_who_wrote(lines: list[str]) -> bool:
    """Folded over several lines only as programs begin it: else what stands above it would be taken for its start."""
    if not all(line.strip() for line in lines):
        return False
    said = " ".join(lines)
    return _ON.match(said) is not None or (len(lines) == 1 and _BY.match(said) is not None)


def _attribution(kept: list[str], end: int) -> int | None:
    """Where the "On … wrote:" begins that ends with the line before `end`; None where there is none."""
    for folded in range(1, _FOLDED + 1):
        start = end - folded
        if start >= 0 and _tells_who_wrote(kept[start:end]):
            return start
    return None


def _without_signature(lines: list[str]) -> list[str]:
    for at, line in enumerate(lines):
        if line in ("-- ", "--"):
            lines = lines[:at]
            break
    end = len(lines)
    while end and (not lines[end - 1].strip() or _PHONE.match(lines[end - 1])):
        end -= 1
    return lines[:end]
