"""The assistant's own sentences, which no page says: in the language of the conversation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from minidesk.answering.language import spoken
from minidesk.answering.outcome import Question
from minidesk.text.locale import Texts


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one turn."""

    texts: Texts
    locale: str | None

    @classmethod
    def of(cls, texts: Texts, question: Question, allowed: Sequence[str] = ()) -> "Lines":
        """The lines for whoever asks `question`; `allowed`: the site's languages, none for any."""
        return cls(texts, spoken(question.text, question.locale, allowed, texts.locales))

    def say(self, name: str) -> str:
        """A line that stands as it is, by its key behind `ask.`."""
        return self.texts.t(f"ask.{name}", self.locale)

    def choices(self, names: Sequence[str]) -> str:
        """ "Do you mean “A”, “B” or “C”?": who has no buttons to tap (e-mail, an API) reads what there is to choose."""
        quoted = [self.texts.t("ask.quoted", self.locale, choice=name) for name in names]
        listed = self.texts.t("ask.or", self.locale).join([", ".join(quoted[:-1]), quoted[-1]])
        return self.texts.t("ask.choices", self.locale, choices=listed)

    def not_found(self, word: str | None) -> str:
        """That the pages do not say; with the word they lack, if it reads like one."""
        if word and re.fullmatch(r"[^\W_][\w'-]{2,24}", word):
            return self.texts.t("ask.not_found_word", self.locale, word=word)
        return self.say("not_found")
