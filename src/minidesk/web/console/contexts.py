"""What each page is given: typed, frozen, ready to be shown. Templates decide nothing but how it looks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from markupsafe import Markup

if TYPE_CHECKING:  # it renders with Segment, which stands here
    from minidesk.web.console.marks import LateText

Tone = Literal["plain", "accent", "wait", "alarm", "note"]


@dataclass(frozen=True, slots=True)
class When:
    """A time as people read it: relative up to a day, then a date; `exact` stands in the hover text."""

    iso: str
    text: str
    exact: str


@dataclass(frozen=True, slots=True)
class Tag:
    """A word with a colour; the word alone must say everything. `due` lets the browser keep a clock right.

    `warn`: from then on the clock is near its end; None: it has always been.
    """

    word: str
    tone: Tone = "plain"
    due: str | None = None  # ISO time
    warn: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """A line of a select, or of the site switcher."""

    id: str
    name: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Shell:
    """What surrounds every page of a signed-in agent."""

    agent_name: str
    initials: str
    csrf: str
    section: Literal["start", "inbox", "docs", "keys", "site", "models", ""]
    sites: tuple[Option, ...]
    site_id: str
    site_name: str
    waiting: int = 0  # in the title: conversations that wait for this agent or for anybody
    may_edit: bool = False  # upload and delete documents
    may_administer: bool = False  # make and revoke API keys
    starting: bool = False  # the Start page stands in the menu
    away: bool = False  # no tickets are given to the agent


@dataclass(frozen=True, slots=True)
class Tab:
    """One view of the inbox."""

    key: str
    name: str
    count: int
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One line pair of the inbox. `version` changes exactly when the row must be drawn again."""

    id: str
    href: str
    subject: str
    summary: str
    age: When
    tags: tuple[Tag, ...]
    unread: bool
    selected: bool
    version: str
    labels: tuple[str, ...] = ()  # the ticket's own tags


@dataclass(frozen=True, slots=True)
class ListPart:
    """The inbox's list with its views: also answered alone, for live pages."""

    view: str
    tabs: tuple[Tab, ...]
    rows: tuple[Row, ...]
    more: bool  # there are older ones than are shown
    waiting: int
    tag: str = ""  # only tickets that wear it
    known_tags: tuple[Option, ...] = ()  # to choose it from
    mentions: int = 0  # conversations in which this agent is named and has not read it
    choosing: bool = False  # rows can be chosen
    people: tuple[Option, ...] = ()  # to whom the chosen ones can be given
    said: str = ""  # what came of a bulk action
    undo: tuple[str, ...] = ()  # conversations that it solved, to be opened again
    near: int = 0  # of this agent's and nobody's: clocks that are warned of
    saved: tuple[Option, ...] = ()  # searches that this agent keeps


@dataclass(frozen=True, slots=True)
class Chip:
    """A source of an answer."""

    n: int
    title: str
    quote: str
    href: str | None  # to the document in the console


@dataclass(frozen=True, slots=True)
class FileLink:
    """A file of a message. A picture has the size in which it is shown, in pixels."""

    href: str
    name: str
    size: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a transcript. `body` comes through the one renderer. `same`: the page has this very version."""

    id: str
    author: Literal["visitor", "assistant", "agent", "system", "note"]
    name: str
    mine: bool
    at: When
    body: "Markup | LateText"
    details: tuple[str, ...] = ()  # after the time: seconds, cost, proof
    chips: tuple[Chip, ...] = ()
    files: tuple[FileLink, ...] = ()
    outcome: str = ""  # a sentence, where the answer was not a reply
    streaming: bool = False
    interrupted: bool = False
    version: str = ""
    hit: bool = False  # a search led here
    right: str = ""  # what an agent wrote instead of a wrong answer
    wordings: tuple["WordingLine", ...] = ()
    may_translate: bool = False
    same: bool = False


@dataclass(frozen=True, slots=True)
class WordingLine:
    """The message in another language: a translation for the agent, or what the agent had written before it."""

    label: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text; with `message` it is evidence: `words` stand in that message.

    `href`: the page that shows this message, where the transcript beside it begins later.
    """

    text: str
    message: str | None = None
    words: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the ticket's panel."""

    name: str
    value: tuple[Segment, ...]
    tone: Tone = "plain"
    hint: str = ""
    due: str | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier conversation of the same visitor."""

    href: str
    text: str
    when: When


@dataclass(frozen=True, slots=True)
class TicketPart:
    """What a handoff found out."""

    number: int
    status: str
    summary: tuple[Segment, ...]
    facts: tuple[Fact, ...]
    routing: tuple[Fact, ...]
    teams: tuple[Option, ...]
    priorities: tuple[Option, ...]
    tags: tuple[str, ...] = ()
    known_tags: tuple[str, ...] = ()  # others of the site, to choose from
    likely_tags: tuple[str, ...] = ()  # that tickets like it wear


@dataclass(frozen=True, slots=True)
class ConversationPart:
    """A conversation with everything that changes while it is open; the composer is not among it."""

    id: str
    title: str
    subtitle: tuple[str, ...]
    state: Tag
    holder: Literal["assistant", "queue", "agent", "closed"]
    held_by_me: bool
    holder_name: str
    entries: tuple[Entry, ...]
    ticket: TicketPart | None
    customer: tuple[Fact, ...]
    earlier: tuple[Earlier, ...]
    may_take_over: bool
    may_hand_back: bool
    may_solve: bool
    may_wait: bool  # until the visitor has answered
    may_reopen: bool
    last_event: int
    last_seq: int = 0  # of the messages shown: what was said after it, the agent has not seen
    first: int = 1  # the number of the first message that is shown
    before: int = 1  # where the messages begin that are shown by a press
    desk: "DeskPart | None" = None
    held_by: str = ""  # the id of the colleague who holds it
    suggest_for: str = ""  # the message that a reply is suggested to; empty where none is


@dataclass(frozen=True, slots=True)
class TranscriptPart:
    """The messages of a conversation alone, with the names that ConversationPart has for them."""

    id: str
    entries: tuple[Entry, ...]
    first: int
    before: int
    last_seq: int
    last_event: int


@dataclass(frozen=True, slots=True)
class DeskPart:
    """What stands around a conversation's ticket. `others`: who else is here, in words."""

    others: tuple[str, ...]
    active: bool
    snoozed: When | None
    follow_up: When | None
    back: bool  # it came back by itself, and nobody has acted since
    first_day: str  # that it can be put off to
    assignees: tuple[Option, ...]
    mergeable: tuple[Option, ...]
    merged_into: tuple[str, str]  # (address, words), both empty where it was not
    spam: bool
    email: str
    may_propose: bool
    proposed: str  # the id of the article that an editor has before them; empty where there is none
    mentioned: bool


@dataclass(frozen=True, slots=True)
class MacroLine:
    """A macro with what a press on it says and does."""

    id: str
    name: str
    text: str
    does: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A page that bears a suggested reply. `url`: where visitors read it; `internal`: only agents may."""

    n: int
    title: str
    quote: str
    href: str
    url: str | None
    internal: bool


@dataclass(frozen=True, slots=True)
class Helps:
    """What the composer offers to do with a reply, and what came of it.

    `original`: the agent's own words, where the field holds their translation.
    """

    writes: bool = False  # there is a model that rewrites and translates
    language: Option | None = None  # the visitor's, to translate into
    said: str = ""
    sources: tuple[SourceLine, ...] = ()
    original: str = ""


@dataclass(frozen=True, slots=True)
class Composer:
    """The form below a transcript. `text` comes back after a send that failed without scripts, or with a saved reply.

    `missing`: the variables in it that have no value.
    """

    client_id: str
    kind: Literal["reply", "note"] = "reply"
    text: str = ""
    canned: tuple[Option, ...] = ()
    missing: tuple[str, ...] = ()
    accept: str = ""  # of files that can be attached
    macros: tuple[MacroLine, ...] = ()
    anyway: bool = False  # what was refused can be sent all the same
    helps: Helps | None = None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """The inbox, with a conversation or without."""

    shell: Shell
    list: ListPart
    conversation: ConversationPart | None = None
    composer: Composer | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A visitor's question, with its conversation."""

    question: str
    href: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of a document, or of a search with its scores."""

    id: str
    heading: tuple[str, ...]
    question: str
    text: str
    page: int | None = None
    document: str = ""
    href: str = ""
    scores: tuple[tuple[str, str], ...] = ()
    phrasings: tuple[str, ...] = ()  # further ways to ask it
    asked: tuple[Asked, ...] = ()  # what it answered lately


@dataclass(frozen=True, slots=True)
class TryPart:
    """What the assistant would say to a question, and why."""

    question: str
    outcome: str
    sentence: str  # what the outcome means
    body: Markup
    chips: tuple[Chip, ...]
    details: tuple[str, ...]
    passages: tuple[Passage, ...]
    timings: tuple[tuple[str, str], ...]
    problem: str = ""
    internal: tuple[Passage, ...] = ()  # what only agents are told


@dataclass(frozen=True, slots=True)
class CrawlLine:
    """A page or site of the web that is read."""

    id: str
    href: str
    url: str
    kind: str
    status: Literal["queued", "running", "done", "failed"]
    word: str
    finished: When | None


@dataclass(frozen=True, slots=True)
class RunLine:
    """How one run ended."""

    at: When
    text: str


@dataclass(frozen=True, slots=True)
class VisitLine:
    """A page at its last visit; `href` leads to its document."""

    url: str
    href: str
    status: str
    word: str
    reason: str
    at: When


@dataclass(frozen=True, slots=True)
class CrawlPart:
    """The log of a crawl."""

    line: CrawlLine
    busy: bool
    next: When | None
    runs: tuple[RunLine, ...]
    pages: tuple[VisitLine, ...]
    total: int


@dataclass(frozen=True, slots=True)
class CrawlPage:
    """The page with that log."""

    shell: Shell
    crawl: CrawlPart


@dataclass(frozen=True, slots=True)
class KeyRow:
    """An API key, without the key."""

    id: str
    name: str
    prefix: str
    scopes: str
    state: Literal["active", "expired", "revoked"]
    created: When
    used: When | None
    expires: str  # a day, or empty


@dataclass(frozen=True, slots=True)
class KeysPage:
    """The site's API keys. `made` is a new one, shown this once."""

    shell: Shell
    rows: tuple[KeyRow, ...]
    scopes: tuple[Option, ...]
    days: tuple[Option, ...]
    made: str = ""
    name: str = ""  # as it was written, where the form was refused
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DoorPage:
    """Sign-in and set-up: nobody is known yet."""

    csrf: str
    problem: str = ""
    email: str = ""
    name: str = ""
    code: str = ""
    next: str = ""
    done: str = ""  # what was just done
    service: str = ""  # another one to sign in by


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page that only says one thing, such as why something cannot be done."""

    title: str
    text: str
    request_id: str
    back: str
    csrf: str = ""  # where signing out is the way on
