"""How near a passage is to a question: one sum of what its vectors, its words and its neighbours say.

All parts are absolute: cosines, and shares of what the question's words could score at most. Stretching each ranking
to 0–1 for every question lets a ranking that found nothing speak as loudly as one that is sure.

The weights were found on four sets at once (answers of FAQs, product help, encyclopedia paragraphs, shop chat) and held
against the sample shop's questions. nDCG@10 with neither `lead`, `crowd` nor `echo`: .739 .811 .918 .928, shop .862; with
them .777 .853 .918 .925, shop .868. Weights as the first four alone would have them (twice the lead, every lead and echo
at full weight) came to the same mean there and cost the shop 2 points. Fitted on three of the four, the fourth kept .781,
.848, .910 and .923. Tried and left out, because they gained nothing, or on one set only: rankings stretched per question
or base, a page's mean vector, how many passages it has, its second-best passage, pairs of words, weights by how far the
base's cosines spread, the question without its function words, a second round of echo.
"""

from dataclasses import dataclass

# What words count against a cosine of 1, split between the passage and its whole document: a question's words may be
# spread over a page.
PASSAGE_WORDS = 0.18
DOCUMENT_WORDS = 0.42
# A passage is read as a part of its page: up to half of its nearness is that of the page's first passage, which says
# what the page is about. Otherwise a page of many passages has many chances. None of it where the two are about
# different things (a cosine of .4, as in lists of products), all where they are alike (.8).
LEAD_PART = 0.5
KIN_FROM, KIN_TO = 0.4, 0.8
# How much of a passage's crowd is taken off its cosine (see calibrate.py): index pages are a little near to everything.
CROWD_PART = 0.4
# What the likeness to the best passages counts (see rerank.py) when those agree with each other (the mean of their
# vectors has a length of .9; none at .6), and how much of the crowd is taken off that.
ECHO = 1.0
AGREE_FROM, AGREE_TO = 0.6, 0.9
ECHO_CROWD = 1.0
# A title that is nearer than the text lifts it by this part of the difference. The whole difference would let
# a page with a broad title stand before the one that answers; none loses entries whose title is the question.
TITLE_PART = 0.05
# The same for the best single sentence: encyclopedia paragraphs gained 2.7 points, FAQ answers lost 0.3.
SENTENCE_PART = 0.55
# Between a question and pages of which the model does not read the language, its cosines tell hardly more than which texts
# are of one kind, and its best passages agree about nothing. Against the same words they count half (both weights of the
# words doubled and more), against passages a word counts most: a page's passages are about different things, and only
# words tell them apart. Of 36 questions to a dentist's pages in German 32 found their passage among the first five
# (26 before, 31 without the echo, 28 by words alone).
ABROAD_PASSAGE_WORDS = 2.0
ABROAD_DOCUMENT_WORDS = 0.8
ABROAD_ECHO = 0.6
# What brings `total` to the range that the steps behind were fitted with: the best passage at .5 to .7, the third to
# eighth .1 to .2 below it.
SCALE = 0.24
SCALE_BASE = 0.13


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a question and a passage have in common. Cosines are -1 to 1, shares 0 to 1; None: not known."""

    text: float  # the passage's vector
    phrasing: float | None = None  # the nearest of the questions that it answers
    title: float | None = None
    sentence: float | None = None
    words: float = 0.0
    page_words: float = 0.0
    lead: float | None = None  # `near` of its page's first passage
    kin: float = 0.0  # the cosine of its text and that first passage's
    crowd: float = 0.0
    echo: float | None = None  # the cosine of its text and what the best passages have in common
    agreement: float = 0.0  # of those best passages, 0 to 1
    abroad: bool = False  # the model does not read the question's language, or the pages'

    @property
    def cosine(self) -> float:
        """The best cosine of all its vectors."""
        return max(
            self.text, *(-1.0 if one is None else one for one in (self.phrasing, self.title, self.sentence))
        )

    @property
    def answer(self) -> float:
        """The best cosine of what could hold an answer: all of it but the title."""
        return max(self.text, *(-1.0 if one is None else one for one in (self.phrasing, self.sentence)))

    @property
    def near(self) -> float:
        """The passage's cosine without its crowd, or that of its nearest phrasing: a question has no crowd to take off."""
        return max(self.text - CROWD_PART * self.crowd, -1.0 if self.phrasing is None else self.phrasing)

    @property
    def _passage_words(self) -> float:
        return ABROAD_PASSAGE_WORDS if self.abroad else PASSAGE_WORDS

    @property
    def _document_words(self) -> float:
        return ABROAD_DOCUMENT_WORDS if self.abroad else DOCUMENT_WORDS

    @property
    def total(self) -> float:
        """What passages are ordered by; without a scale."""
        near = self.near
        found = near
        for other, part in ((self.sentence, SENTENCE_PART), (self.title, TITLE_PART)):
            if other is not None and other > near:
                found += part * (other - near)
        if self.lead is not None:
            found += LEAD_PART * _ramp(self.kin, KIN_FROM, KIN_TO) * (self.lead - near)
        found += self._passage_words * self.words + self._document_words * self.page_words
        if self.echo is None:
            return found
        weight = (ABROAD_ECHO if self.abroad else ECHO) * _ramp(self.agreement, AGREE_FROM, AGREE_TO)
        return found + weight * (self.echo - ECHO_CROWD * self.crowd)

    @property
    def score(self) -> float:
        """`total` as 0 to 1: comparable within one search only."""
        if self.echo is None:
            return min(1.0, max(0.0, self.total / (1 + self._passage_words + self._document_words)))
        return min(1.0, max(0.0, SCALE_BASE + SCALE * self.total))


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, and a straight line between."""
    return min(1.0, max(0.0, (value - low) / (high - low)))
