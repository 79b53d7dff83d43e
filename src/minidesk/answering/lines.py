"""The assistant's own sentences, which no page says: in the language of the conversation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from minidesk.answering.language import EVERYWHERE, base, spoken
from minidesk.answering.outcome import Question
from minidesk.answering.smalltalk import smalltalk_in
from minidesk.text.language import language_of
from minidesk.text.locale import Texts


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one turn. `told`: the language that the visitor's words are in, of those that we have lines in."""

    texts: Texts
    locale: str | None
    told: str | None = None
    allowed: tuple[str, ...] = ()

    @classmethod
    def of(cls, texts: Texts, question: Question, allowed: Sequence[str] = ()) -> "Lines":
        """The lines for whoever asks `question`; `allowed`: the site's languages, none for any."""
        told = _told(question, texts.locales)
        locale = spoken(told, question.locale, allowed, texts.locales, None)
        return cls(texts, locale, told, tuple(allowed))

    def beside(self, pages: str | None) -> "Lines":
        """The same, when it is known in which language the pages are that were found."""
        return replace(self, locale=spoken(self.told, self.locale, self.allowed, self.texts.locales, pages))

    def say(self, name: str) -> str:
        """A line that stands as it is, by its key behind `ask.`."""
        return self.texts.t(f"ask.{name}", self.locale)

    def choices(self, names: Sequence[str]) -> str:
        """ "Do you mean “A”, “B” or “C”?": who has no buttons to tap (e-mail, an API) reads what there is to choose."""
        quoted = [self.texts.t("ask.quoted", self.locale, choice=name) for name in names]
        listed = self.texts.t("ask.or", self.locale).join([", ".join(quoted[:-1]), quoted[-1]])
        return self.texts.t("ask.choices", self.locale, choices=listed)

    def not_found(self, word: str | None) -> str:
        """That the pages do not say; with the word they lack, if there is one to be named."""
        return self.texts.t("ask.not_found_word", self.locale, word=word) if word else self.say("not_found")

    def elsewhere(self, pages: str | None) -> str | None:
        """How to say that the pages are in another language than the visitor's ("auf Englisch"); None where they are not."""
        if self.told is None or pages in (None, self.told) or pages not in self.texts.locales:
            return None
        return self.say(f"language.{pages}")

    def with_language(self, name: str, language: str) -> str:
        """A line that names a language, as `elsewhere` gives it."""
        return self.texts.t(f"ask.{name}", self.locale, language=language)


def _told(question: Question, known: Sequence[str]) -> str | None:
    """By the message, else by what the visitor wrote before it."""
    small = smalltalk_in(question.text)
    own = base(question.locale)
    if own in small and own != EVERYWHERE:
        return own  # "merci" is German, too, where German is spoken
    if (found := language_of(question.text)) in known:
        return found
    if len(small) == 1 and small[0] in known:
        return small[0]
    earlier = (language_of(turn.text) for turn in reversed(question.history) if turn.role == "visitor")
    return next((language for language in earlier if language in known), None)
