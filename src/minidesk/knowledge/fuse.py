"""How near a passage is to a question, from its vectors and its words.

Both are absolute: a cosine, and the share of what the question's words could score at most. Stretching each
ranking to 0–1 for every question instead lets a ranking that found nothing speak
as loudly as one that is sure: on four sets (answers to FAQs, product help, encyclopedia paragraphs, shop chat)
the mean nDCG@10 was .855 this way and .847 with the best stretched mix, tried outside the product; through the whole
of it .846 was seen. Reciprocal ranks were not tried here.
"""

from dataclasses import dataclass

# What words count against a cosine of 1, split between the passage and its whole document. Documents of several
# passages gain most from the second (product help: nDCG@10 .80 without it, .82–.83 with it).
PASSAGE_WORDS = 0.2
DOCUMENT_WORDS = 0.3
# A title that is nearer than the text lifts it by this part of the difference. The whole difference would let
# a page with a broad title stand before the one that answers; none loses entries whose title is the question.
TITLE_PART = 0.35
# The same for the best single sentence: encyclopedia paragraphs gained 2.7 points, FAQ answers lost 0.3.
SENTENCE_PART = 0.5


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a question and a passage have in common. Cosines are -1 to 1, shares 0 to 1; None: not known."""

    text: float  # the passage's vector, or that of its nearest phrasing
    title: float | None = None
    sentence: float | None = None
    words: float = 0.0
    page_words: float = 0.0

    @property
    def cosine(self) -> float:
        """The best cosine of all its vectors."""
        return max(self.text, self.title or -1.0, self.sentence or -1.0)

    @property
    def nearness(self) -> float:
        """The passage's cosine, lifted by its title and its best sentence."""
        lifted = self.text
        for other, part in ((self.sentence, SENTENCE_PART), (self.title, TITLE_PART)):
            if other is not None and other > self.text:
                lifted += part * (other - self.text)
        return lifted

    @property
    def score(self) -> float:
        """0 to 1: what passages are ordered by."""
        total = self.nearness + PASSAGE_WORDS * self.words + DOCUMENT_WORDS * self.page_words
        return min(1.0, max(0.0, total / (1 + PASSAGE_WORDS + DOCUMENT_WORDS)))
