"""Whether what a sentence says together stands together in the span: no new statement out of the parts of two others."""

import re
from itertools import pairwise

from minidesk.answering.alike import LIGHT, alike
from minidesk.answering.crossing import VERBS
from minidesk.answering.facts import facts
from minidesk.answering.force import clauses_of, orders
from minidesk.answering.pieces import leans
from minidesk.answering.rank import surface
from minidesk.answering.spans import Span
from minidesk.text.words import STOPWORDS, stem, words

# What stands behind the verb that only carries it: "can be *resoled*", "are *welcome*".
_STATED = re.compile(
    r"\b(?:be|been|is|are|was|were|gets?|can|cannot|can't|could|may|might|must|will|should)\s+"
    r"(?:(?:be|been|not|never|only|also|always|already|usually|still|now|then|[a-z]{2,12}ly)\s+){0,4}([a-z][\w-]*)",
    re.IGNORECASE,
)
# An answer to the question that it stands under takes its words from there.
_ANSWERS = re.compile(
    r"\W*(?:yes|no|ja|nein|often|only|nur|sometimes|up to|every|from|ab|at|in|einmal|two|zwei)\b",
    re.IGNORECASE,
)
_EACH_OF = re.compile(
    r"\b(both|all|every|each|any)\s+(?:(?:of|the|your|our|these|those|other)\s+){0,3}([a-z][\w-]*)",
    re.IGNORECASE,
)
_EACH_OF_THERE = re.compile(
    r"\b(both|two|either|all|every|each|any|whatever|per|whole|entire)\s+((?:[\w-]+\s+){0,3}[\w-]+)",
    re.IGNORECASE,
)
_PAYS = frozenset(stem(word) for word in ("pay", "paid", "cost", "charged"))
_TWO = re.compile(r"\b(?:two|either|[\w-]+ (?:and|or|nor) [\w-]+)\b", re.IGNORECASE)
_NOT = re.compile(r"\b(?:not|no|never|without|cannot|nor)\b|n't\b", re.IGNORECASE)
_SOMEONE = re.compile(r"\b(?:we|you|they|he|she)\s+[a-z]", re.IGNORECASE)  # somebody does something
_DO_IT = re.compile(r"\b(?:do|does) (?:it|so|this|that)\b", re.IGNORECASE)
_LISTED = re.compile(
    r"((?:[\w-]+(?: [\w-]+)?, )+)([\w-]+(?: [\w-]+)?),? (?:and|or) ([\w-]+(?: bags?| cards?)?)"
)
_CAPITAL = re.compile(r"\b[A-Z][\w-]+")
_VERB = re.compile(
    r"\b(?:can|may|must|is|are|was|were|has|have|will|come|comes|cannot|do|does)\b", re.IGNORECASE
)
_DONE_TO_IT = re.compile(r"\b(?:we|you|they) ([a-z]{3,}) (?:it|them)\b", re.IGNORECASE)
_BEHIND_NOUN = re.compile(r"(?<=\w)\s+(?:of|per|for|in|with|from|at|on|to)\s", re.IGNORECASE)
# Words that stand next to each other in a sentence stand this near in the page: "new password" is not made of a new
# link and an old password.
_NEAR = 9
_TELLS = 4  # letters from which a word is hardly an article or a pronoun, in any language
_NAMED = 5  # words of a name that an entry opens with: "Gratstern MF (310 g): the stove for …"
_ENTRY = re.compile(r"(?:[^:;.]{1,60}:\s)?")
_ARTICLES = frozenset(
    ["a", "an", "the", "your", "our", "my", "its", "their", "can", "be", "is", "are", "will"]
)
_FROM = re.compile(r"\bfrom ((?:[\w'-]+ ){0,2}[\w'-]+)", re.IGNORECASE)
_SOURCE = re.compile(r"\b(?:from|of|off|out|since|after|starting|in|at|by)\b", re.IGNORECASE)
_PERIODS = frozenset(stem(word) for word in ("yearly", "annual", "monthly", "weekly", "daily", "hourly"))
_NO_WORDS: frozenset[str] = frozenset()
_ARTICLE_STEMS = frozenset(stem(word) for word in _ARTICLES)
_VERB_STEMS = frozenset(map(stem, VERBS))
_SMALL_STEMS = frozenset(stem(word) for word in (STOPWORDS - _ARTICLES) | {"every", "each", "all", "any"})


def stands_together(sentence: str, span: Span) -> bool:
    """Neighbours in the sentence are near each other in the span or in its headings, and names stand with what is said of them."""
    places = [_places(span.text), _places(span.around)]
    pieces = [set(_places(piece)) for piece in _pieces(span.text)]
    beside = _followers(sentence, _NO_WORDS)
    entry = _ENTRY.match(span.text)
    named = {stem(word.lower()) for word in _CAPITAL.findall(entry.group() if entry else "")}
    for a, b in _neighbours(sentence):
        if all(a in place or b in place for place in places) and not any(
            a in place and b in place for place in places
        ):
            continue  # one in a heading, the other under it
        held = [(place[a], place[b]) for place in places if a in place and b in place]
        if places[0].get(a, [_NEAR])[0] < _NAMED and a in named:
            continue  # what an entry is about is said of all of it
        # An adjective stands by its noun; what only an auxiliary joins may be a long sentence apart.
        if b not in beside.get(a, set()) and any({a, b} <= piece for piece in pieces):
            continue
        if held and not any(abs(i - j) <= _NEAR for ones, others in held for i in ones for j in others):
            return False
    for match in re.finditer(r"\bfree ([\w-]+)", sentence, re.IGNORECASE):
        root = stem(match[1].lower())
        if root in span.roots_around - span.roots and not re.search(r"\bfree\b", span.around, re.IGNORECASE):
            return False  # a heading that names gifts does not make one free
    return (
        _in_one_piece(sentence, span)
        and _listed_alike(sentence, span)
        and _followed_alike(sentence, span)
        and _preceded_alike(sentence, span)
        and _comes_from(sentence, span)
    )


def predicate_stands(sentence: str, span: Span) -> bool:
    """What a sentence says of its subject is said in the span: a heading names what its text is about, and states nothing.

    Of all, both or any of something only where the span says so of that.
    """
    text = f"{span.lead} {span.text}"
    there = frozenset(surface(text))
    if any(fact.kind == "money" and fact.key in span.facts for fact in facts(sentence)):
        there |= _PAYS  # what has a price is paid
    if not span.row:
        # A few words without a verb take theirs from the heading, where they are what the sentence is about.
        told = frozenset(surface(sentence)) & span.roots - LIGHT
        lent = span.roots_around if told and not _states(sentence, span) else frozenset()
        for match in _STATED.finditer(sentence):
            root = stem(match[1].lower())
            if (
                match[1].lower() in STOPWORDS
                or root in there | lent
                or root not in span.roots_around
                or alike(root, there)
            ):
                continue
            return False
    for match in _EACH_OF.finditer(sentence):
        if match[1].lower() == "any" and _NOT.search(sentence):
            continue  # none of it
        noun = stem(match[2].lower())
        if any(_kind_left_out(noun, other[2], sentence) for other in _EACH_OF_THERE.finditer(text)):
            return False
        if not any(
            _equals(noun, [stem(word) for word in words(other[2])])
            for other in _EACH_OF_THERE.finditer(text)
            if match[1].lower() != "both" or other[1].lower() in {"both", "two", "either"}
        ) and not (match[1].lower() == "both" and noun not in span.roots_around and _TWO.search(text)):
            return False
    return True


def _kind_left_out(noun: str, counted: str, sentence: str) -> bool:
    """ "All paid plans" are not all plans."""
    said = [stem(word) for word in words(counted)]
    if noun not in said:
        return False
    roots = frozenset(surface(sentence))
    return any(
        root not in roots and not alike(root, roots)
        for root in frozenset(said[: said.index(noun)]) & frozenset(surface(counted)) - LIGHT
    )


def _states(sentence: str, span: Span) -> bool:
    """Whether the span says by itself what it says: an answer and a few words without a verb take it from their heading."""
    if _ANSWERS.match(span.text) and "?" in span.around:
        return False
    roots = frozenset(surface(sentence))
    piece = max(_pieces(span.text), key=lambda p: len(roots & frozenset(surface(p))), default="")
    return bool(_VERB.search(piece) or _SOMEONE.search(piece) or orders(piece)) and not _DO_IT.search(piece)


def _equals(noun: str, roots: list[str]) -> bool:
    return noun in roots or alike(noun, frozenset(roots))


def _comes_from(sentence: str, span: Span) -> bool:
    """ "Removes it from all teams" is not made of a page that removes the team: something there comes from something."""
    if _SOURCE.search(f"{span.text} {span.around}"):
        return True
    return not any(frozenset(surface(match[1])) & span.roots for match in _FROM.finditer(sentence))


def _in_one_piece(sentence: str, span: Span) -> bool:
    """What a clause says of something is said of that in the span, and not of the subject of another sentence."""
    pieces = _pieces(span.text)
    if len(pieces) < 2:
        return True
    figures = {
        fact.key for fact in facts(sentence) if fact.kind in {"money", "percent", "duration", "measure"}
    }
    if (
        len(figures) > 1
        and not span.listed
        and re.match(r"(?:if|when|with|unless|as long as)\b", sentence, re.IGNORECASE)
    ) and not any(figures <= {fact.key for fact in facts(piece)} for piece in pieces):
        return False
    held = [frozenset(surface(piece)) for piece in pieces]
    if _done_to_what_follows(frozenset(surface(sentence)) - LIGHT, pieces, held, span.roots_around):
        return False
    for clause in clauses_of(sentence):
        roots = frozenset(surface(clause)) - LIGHT
        best = max(range(len(pieces)), key=lambda i: len(roots & held[i]))
        if not roots & held[best]:
            continue
        named_first = _VERB.split(pieces[best], maxsplit=1)[0]
        # "City tax of €2.50 per adult and night is paid …" is about the tax.
        subject = frozenset(surface(named_first)) - LIGHT
        if _VERB.search(pieces[best]) and not orders(pieces[best]):
            subject = frozenset(surface(_BEHIND_NOUN.split(named_first, maxsplit=1)[0])) - LIGHT or subject
        missing = frozenset(r for r in roots - held[best] if not r.isdigit() and not alike(r, held[best]))
        if leans(pieces[best]) or _DO_IT.search(pieces[best]):
            if missing & frozenset().union(*held[best + 1 :]) - frozenset().union(
                *held[:best], span.roots_around
            ):
                return False  # "it" is what was said before, not what comes after
            continue
        others = frozenset().union(*held)
        if (
            span.listed
            and missing & others
            and pieces[best].strip()[:1].isupper()
            and _VERB.search(pieces[best])
        ):
            return False  # each item is a statement of its own
        if missing & others and subject and not any(root in roots or alike(root, roots) for root in subject):
            return False
        named = set(_CAPITAL.findall(clause[1:])) - set(re.findall(r"[\w-]+", pieces[best]))
        rivals = set(_CAPITAL.findall(pieces[best][1:])) - set(re.findall(r"[\w-]+", sentence))
        if rivals and named & set(_CAPITAL.findall(f" {span.around} {span.text}")):
            return False
    return True


def _done_to_what_follows(
    roots: frozenset[str], pieces: list[str], held: list[frozenset[str]], around: frozenset[str]
) -> bool:
    """ "… and we refund it. Lost keys cost €250": what is refunded was named before."""
    for i, piece in enumerate(pieces[:-1]):
        if any(stem(match[1].lower()) in roots for match in _DONE_TO_IT.finditer(piece)):
            named = frozenset().union(*held[: i + 1], around)
            if roots & frozenset().union(*held[i + 1 :]) - named:
                return True
    return False


def _pieces(text: str) -> list[str]:
    return [piece for piece in re.split(r"(?<=[.!?;])\s+|\n+", text) if piece.strip()]


def _followed_alike(sentence: str, span: Span) -> bool:
    """ "E-mail password" is not made of an e-mail address and, a sentence on, a password."""
    there, above = _followers(span.text), _followers(span.around)
    roots = frozenset(surface(sentence))
    names = {stem(name.lower()) for name in _CAPITAL.findall(sentence)}
    pieces = [frozenset(surface(piece)) for piece in _pieces(span.text)]
    said = _followers(sentence)
    for word, nexts in said.items():
        held = frozenset(there.get(word, set()) | (above.get(word, set()) & roots)) - LIGHT
        held = frozenset(root for root in held if not root.isdigit())
        if word in LIGHT or not held or held & nexts:
            continue
        for root in nexts - LIGHT - names:
            elsewhere = any(root in piece and word not in piece for piece in pieces) or (
                root in span.roots_around - span.roots
                and root not in said
                and word in there
                and not held & roots
            )
            if elsewhere and not alike(root, held) and not any({root, word} <= piece for piece in pieces):
                return False
    return True


def _preceded_alike(sentence: str, span: Span) -> bool:
    """ "A monthly plan" is not the yearly plan that the page speaks of."""
    said = _followers(sentence)
    there = _followers(span.text) if _PERIODS & said.keys() else {}
    for word in _PERIODS & said.keys():
        for noun in said[word] & span.roots:
            own = frozenset(before for before, after in there.items() if noun in after)
            if own & _PERIODS and word not in own:
                return False
    # A heading's "extra beds" are not their parents' beds.
    above = span.roots_around - span.roots - LIGHT
    lent = {root for root in above & said.keys() if len(root) >= _TELLS}
    if not lent:
        return True
    roots = frozenset(surface(sentence))
    told = ["", *(w.removesuffix("'s") for w in words(span.text) if w not in _ARTICLES)]
    for noun in {noun for word in lent for noun in said[word] & span.roots} - _VERB_STEMS:
        before = [one for one, following in pairwise(told) if stem(following) == noun]
        # Where it stands without such a word once, the heading may say of which kind it is.
        if before and not any(len(one) < _TELLS or _is_said(stem(one), roots) for one in before):
            return False
    return True


def _is_said(root: str, roots: frozenset[str]) -> bool:
    return root in LIGHT or root in _SMALL_STEMS or root in roots or alike(root, roots)


def _followers(text: str, passed: frozenset[str] = _ARTICLES) -> dict[str, set[str]]:
    """For each content word the one right behind it; the words `passed` are passed over."""
    found: dict[str, set[str]] = {}
    for piece in re.split(r"[,;:.!?|–—]\s|[()\n]", text):
        for word, following in pairwise(w.removesuffix("'s") for w in words(piece) if w not in passed):
            if word not in STOPWORDS and following not in STOPWORDS:
                found.setdefault(stem(word), set()).add(stem(following))
    return found


def _listed_alike(sentence: str, span: Span) -> bool:
    """Of things that are named side by side, all stand in the span itself, or none does."""
    for match in _LISTED.finditer(sentence):
        heads = {
            stem(words(part)[-1])
            for part in [*re.split(r", ", match.group(1))[:-1], match[2], match[3]]
            if words(part)
        }
        heads = {head for head in heads if head in span.roots} - LIGHT
        if not span.listed and not any(heads <= frozenset(surface(piece)) for piece in _pieces(span.text)):
            return False
    for match in re.finditer(r"([\w-]+),? (?:and|or) ([\w-]+)", sentence):
        a, b = (stem(word.lower()) for word in match.groups())
        if not {a, b} & (LIGHT | _SMALL_STEMS | _ARTICLE_STEMS) and (a in span.roots) != (b in span.roots):
            lost = b if a in span.roots else a
            if lost in span.roots_around and not alike(lost, span.roots):
                return False
    return True


def _places(text: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for position, word in enumerate(words(text)):
        found.setdefault(stem(word.removesuffix("'s")), []).append(position)
    return found


def _neighbours(sentence: str) -> list[tuple[str, str]]:
    """Stems of content words with nothing but an article or an auxiliary between them."""
    found: list[tuple[str, str]] = []
    for piece in re.split(r"[,;:.()–—]\s|\s(?:and|or)\s", sentence):
        said = [stem(w.removesuffix("'s")) for w in words(piece) if w not in _ARTICLES]
        found += [(a, b) for a, b in pairwise(said) if not {a, b} & (LIGHT | _SMALL_STEMS)]
    return found


def leans_rightly(roots: frozenset[str], span: Span) -> bool:
    """ "They cannot be paid out" is said of what the sentence before is about, not of what else it mentions."""
    if not span.before:
        return True
    first = list(surface(span.before))
    subject = frozenset(surface(_VERB.split(span.before, maxsplit=1)[0]) or first[:2])
    rest = frozenset(surface(span.text[len(span.before) :]))
    lent = roots & frozenset(first) - rest - span.roots_around
    return not lent or not roots & rest or bool(lent & subject) or len(lent) > 2
