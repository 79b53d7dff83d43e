"""Passages of an invented shop, as search returns them."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field, replace

from minidesk.errors import ModelError
from minidesk.gateway.messages import ChatRequest, Finished
from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.records import Passage, SearchResult


def passage(
    text: str, *heading: str, title: str = "Help", question: str | None = None, at: int = 0, name: str = ""
) -> Passage:
    """A passage that starts at character `at` of its document."""
    name = name or (heading[-1] if heading else title).lower().replace(" ", "-")
    return Passage(
        chunk=f"chunk-{name}", document=f"{name}.md", document_id=f"doc-{name}", version_id="v1", title=title, url=f"https://shop.example/{name}",
        heading_path=heading, kind="faq" if question else "text", question=question, text=text, start=at, end=at + len(text), page=None, score=1.0, dense=0.6,
    )  # fmt: skip


RETURNS = passage(
    "You can return articles within 30 days after delivery. Articles have to be unworn, with all tags. "
    "Opened water filters cannot be returned. Boots may be tried on indoors only.",
    "Return window", at=100,
)  # fmt: skip
RATES = passage(
    "Destination: Austria | up to 2 kg: €4.90 | 2–10 kg: €6.90\nDestination: Germany | up to 2 kg: €5.90 | 2–10 kg: €7.90\n"
    "Destination: Norway | up to 2 kg: €18.90 | 2–10 kg: €24.90",
    "Rates by country", title="Shipping costs",
)  # fmt: skip
HOURS = passage(
    "Phone: Mon-Fri 9:00 to 17:00. Call +43 512 555 0142 or write to help@shop.example.", "Customer service"
)
PASSWORD = passage(
    "1. Click Sign in, then Forgotten password.\n2. Enter your e-mail address.\n3. Open the link within 60 minutes and choose a new password.",
    "How do I reset my password?", title="Your account",
)  # fmt: skip
EXPRESS = passage(
    "Express is offered in Austria and Germany only and costs €14.90. We refund the price if express arrives late.",
    "Express",
)
PICKUP = passage(
    "Yes. The person needs the pick-up code and their own ID. We keep your order for 10 days.",
    question="Can somebody else collect my order?",
    name="pickup",
)
SHOP = (RETURNS, RATES, HOURS, PASSWORD, EXPRESS, PICKUP)


@dataclass
class SmallSearch:
    """Every passage of a list, nearest first: search without a database."""

    embedder: Embedder
    passages: Sequence[Passage] = SHOP
    queries: list[str] = field(default_factory=list)

    async def search(
        self, site_id: str, query: str, *, k: int = 8, within: Collection[str] | None = None
    ) -> SearchResult:
        """Passages by cosine."""
        self.queries.append(query)
        held = [p for p in self.passages if within is None or p.document in within]
        if not held:
            return SearchResult((), 0.0)
        texts = [f"{p.title} {' '.join(p.heading_path)} {p.question or ''}: {p.text}" for p in held]
        vectors = await self.embedder.documents([query, *texts])
        cosines = vectors[1:] @ vectors[0]
        ranked = [
            replace(held[i], score=float(cosines[i]), dense=float(cosines[i]))
            for i in (-cosines).argsort()[:k]
        ]
        return SearchResult(tuple(ranked), ranked[0].dense)


@dataclass
class Script:
    """A model that says what it is told to: text in small deltas, and an error at its end if there is one."""

    replies: list[str]
    error: ModelError | None = None
    configured: bool = True
    requests: list[ChatRequest] = field(default_factory=list)
    closed: int = 0

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | Finished]:
        """The next reply, seven characters at a time."""
        self.requests.append(request)
        text = self.replies.pop(0) if self.replies else ""
        try:
            for i in range(0, len(text), 7):
                yield text[i : i + 7]
            if self.error is not None:
                raise self.error
            yield Finished("mini", 900, 60, False, 180, 5, 9)
        finally:
            self.closed += 1
