"""What is asked before the first message: name, e-mail, one question of the site's own, and consent.

The widget and the page without scripts ask; here it is looked at, so that nobody is heard without having been asked.
Whom the website signed for has told name and e-mail already. What anybody else says of themselves stays their own word.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints

from minidesk.conversations import BeforeFirst
from minidesk.db import Tx
from minidesk.db.models import Conversation
from minidesk.errors import Invalid
from minidesk.sites import KnownVisitor, SiteConfig, SiteView, all_of, in_language
from minidesk.sites.identity import EMAIL, EMAIL_CHARS, NAME_CHARS
from minidesk.text.locale import Texts
from minidesk.text.normalise import check_text
from minidesk.web.visitor_api.deps import VisitorDeps

ANSWER_CHARS = 400  # the column's width
WORDS = "intake."
_CONSENT = "intake.consent"
SAID_CHARS = 4000  # far above what any of the fields takes
_Said = Annotated[str, StringConstraints(max_length=SAID_CHARS)]


class Intake(BaseModel):
    """What a visitor filled in; `consent` repeats the words that they agreed to."""

    name: _Said = ""
    email: _Said = ""
    answer: _Said = ""
    consent: _Said = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is still to be asked, each "optional" or "required"; empty: nothing. `consent`: the words to agree to."""

    name: str = ""
    email: str = ""
    own: str = ""
    question: str = ""
    consent: str = ""

    @property
    def anything(self) -> bool:
        """Whether there is a form at all."""
        return bool(self.name or self.email or self.own or self.consent)


class NotAsked(Invalid):
    """Something that the site must know before the first message is missing."""

    code = "intake_missing"


def wanted(config: SiteConfig, known: KnownVisitor | None, texts: Texts, locale: str) -> Wanted:
    """What this visitor is asked in a new conversation."""
    told = known or KnownVisitor(None, None, False)
    own = config.ask_own if config.ask_own != "off" and config.own_question else ""
    return Wanted(
        name=_open(config.ask_name, told.verified or told.name),
        email=_open(config.ask_email, told.verified or told.email),
        own=own,
        question=config.own_question if own else "",
        consent=(config.consent_text or texts.t(_CONSENT, locale)) if config.ask_consent else "",
    )


def _open(asked: str, known: object) -> str:
    return "" if asked == "off" or known else asked


async def intake_json(
    deps: VisitorDeps, tx: Tx, site: SiteView, visitor_id: str, locale: str
) -> dict[str, Any] | None:
    """The form as the widget draws it, with its words; None where there is nothing to ask."""
    config = in_language(site.config, locale)
    form = wanted(config, await deps.visitors.about(tx, visitor_id), deps.texts, locale)
    if not form.anything:
        return None
    return {
        "name": form.name,
        "email": form.email,
        "own": form.own,
        "question": form.question,
        "consent": form.consent,
        "words": deps.texts.part(WORDS, locale),
    }


async def take_intake(
    deps: VisitorDeps, tx: Tx, site: SiteView, visitor_id: str, given: Intake | None
) -> BeforeFirst:
    """Keep what the visitor says of themselves; gives what belongs to the conversation. Raises `Invalid`."""
    config = site.config
    form = wanted(config, await deps.visitors.about(tx, visitor_id), deps.texts, "en")
    said = given or Intake()
    name = " ".join(check_text(said.name, NAME_CHARS).split()) if form.name else ""
    email = check_text(said.email, EMAIL_CHARS).strip() if form.email else ""
    answer = check_text(said.answer, ANSWER_CHARS) if form.own else ""
    if email and not EMAIL.fullmatch(email):
        raise NotAsked("Write your e-mail address as name@example.com.", code="intake_invalid")
    consent = _consent(config, said.consent, deps.texts) if form.consent else None
    _check_there(form, name=name, email=email, answer=answer, consent=consent)
    await deps.visitors.introduce(tx, visitor_id, name=name, email=email)
    return BeforeFirst(form.question or None if answer else None, answer or None, consent)


def _consent(config: SiteConfig, given: str, texts: Texts) -> str | None:
    """The words that were agreed to, if they are the site's of now: nobody has agreed to what they did not see."""
    lines: Collection[str] = (
        [config.consent_text, *all_of(config.translations, "consent_text")]
        if config.consent_text
        else [texts.t(_CONSENT, one) for one in texts.locales]
    )
    same = " ".join(given.split())
    return next((line for line in lines if " ".join(line.split()) == same), None)


def _check_there(form: Wanted, *, name: object, email: object, answer: object, consent: object) -> None:
    if form.name == "required" and not name:
        raise NotAsked("Write your name before the first message.")
    if form.email == "required" and not email:
        raise NotAsked("Write your e-mail address before the first message.")
    if form.own == "required" and not answer:
        raise NotAsked(f"Answer this before the first message: {form.question}")
    if form.consent and not consent:
        raise NotAsked("Agree to how your messages are used before you send the first one.")


async def check_asked(deps: VisitorDeps, tx: Tx, site: SiteView, row: Conversation) -> None:
    """For the first message of a conversation that was begun before the site asked. Raises `Invalid`."""
    if row.last_seq > 0:
        return
    form = wanted(site.config, await deps.visitors.about(tx, row.visitor_id), deps.texts, "en")
    # Name and e-mail that are known are not in the form any more.
    _check_there(form, name=None, email=None, answer=row.asked_answer, consent=row.consent_at)
