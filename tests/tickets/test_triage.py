"""Triage: every part stands in the conversation, word for word, and the rules decide as a careful agent would."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidesk.answering.anger import anger_in, angry
from minidesk.conversations import CitationView, MessageView
from minidesk.tickets import Entity, Evidence, find_entities, triage

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def message(n: int, author: str, text: str, citations: tuple[CitationView, ...] = ()) -> MessageView:
    return MessageView(
        id=f"msg_{n}",
        seq=n,
        author=author,  # type: ignore[arg-type]  # the parametrised tests name them as plain strings
        name=None,
        text=text,
        at=AT,
        state="done",
        attempt=1,
        client_id=None,
        reply_to=None,
        outcome=None,
        kind=None,
        citations=citations,
    )


def visitor(*texts: str) -> list[MessageView]:
    return [message(n, "visitor", text) for n, text in enumerate(texts, 1)]


def entities(text: str, **options: object) -> list[tuple[str, str]]:
    found = find_entities(visitor(text), **options)  # type: ignore[arg-type]  # options are the function's own
    return [(e.kind, e.text) for e in found]


def test_a_summary_says_what_it_is_about_what_was_tried_and_what_is_wanted() -> None:
    answer = "A torn floor is repaired free of charge. Send it to Innsbruck."
    cited = CitationView(1, "repair.md", "Repair service", "/repair", "free of charge", ((0, 40),))
    messages = [
        message(1, "visitor", "Hi there! The floor of my Lizum tent is torn after two nights."),
        message(2, "assistant", answer, (cited,)),
        message(3, "visitor", "I leave on Saturday. Can you send me a replacement instead?"),
        message(4, "visitor", "I want to talk to a human"),
    ]
    found = triage(messages, reason="customer_request", anger_in=anger_in, products=["Lizum tent", "Boots"])
    assert found.summary.splitlines() == [
        "The visitor says the floor of their Lizum tent is torn after two nights.",
        "Answered from: “Repair service”",
        "The visitor asks whether we can send them a replacement instead.",
        "Asked for a person.",
    ]
    assert found.subject == "The floor of my Lizum tent is torn after two nights."
    assert [(e.part, e.message_id) for e in found.evidence if e.part in ("issue", "tried", "wanted")] == [
        ("issue", "msg_1"),
        ("tried", "msg_2"),
        ("wanted", "msg_3"),
    ]
    assert [e.text for e in found.evidence if e.part == "tried"] == [
        "A torn floor is repaired free of charge."
    ]
    assert [(e.kind, e.text) for e in found.entities] == [("product", "Lizum tent"), ("date", "on Saturday")]
    check_verbatim(messages, [*found.evidence, *found.entities])


@pytest.mark.parametrize(
    ("helpful", "issue"),
    [(None, "do you sell fresh bananas"), (False, "how long do i have to send something back")],
)
def test_what_was_answered_is_not_what_is_open(helpful: bool | None, issue: str) -> None:
    """Unless the visitor said that the answer did not help."""
    cited = CitationView(1, "returns.md", "Returns", "/returns", "30 days", ((0, 8),))
    answer = message(2, "assistant", "30 days after delivery.", (cited,))
    messages = [
        message(1, "visitor", "How long do I have to send something back to you?"),
        replace(answer, reply_to="msg_1", helpful=helpful),
        message(3, "visitor", "Do you sell fresh bananas?"),
        replace(message(4, "assistant", "Our pages don't say."), reply_to="msg_3"),
        message(5, "visitor", "I want to talk to a human"),
    ]
    found = triage(messages, reason="customer_request", anger_in=anger_in)
    assert found.subject.lower().startswith(issue), found.subject


@pytest.mark.parametrize(
    ("said", "subject", "issue"),
    [
        (
            "I want to talk to a person, my tent from order AG-20431 arrived torn",
            "My tent from order AG-20431 arrived torn",
            "The visitor says their tent from order AG-20431 arrived torn.",
        ),
        (
            "Can I speak to someone about a refund for order 20431?",
            "A refund for order 20431?",
            "The visitor asks: “a refund for order 20431?”",
        ),
        ("My card was charged twice and I want to talk to a human", "My card was charged twice", "The visitor says their card was charged twice."),
        (
            "Ich möchte mit einem Mitarbeiter sprechen, mein Zelt ist kaputt angekommen",
            "Mein Zelt ist kaputt angekommen",
            "The visitor writes: “mein Zelt ist kaputt angekommen”",
        ),
        (
            "I called customer service twice, nobody answers",
            "I called customer service twice, nobody answers",
            "The visitor writes: “I called customer service twice, nobody answers”",
        ),
        ("where is my parcel", "Where is my parcel", "The visitor asks: “where is my parcel”"),
    ],
)  # fmt: skip
def test_the_matter_is_heard_beside_the_wish_for_a_person(said: str, subject: str, issue: str) -> None:
    """Though much was asked and answered before."""
    cited = CitationView(1, "boots.md", "Boots", "/boots", "60 days", ((0, 8),))
    answer = message(2, "assistant", "60 days after delivery.", (cited,))
    messages = [
        message(1, "visitor", "How long can I return boots that I have walked in?"),
        replace(answer, reply_to="msg_1"),
        message(3, "visitor", said),
    ]
    found = triage(messages, reason="customer_request", anger_in=anger_in)
    assert (found.subject, found.summary.splitlines()[0]) == (subject, issue)
    check_verbatim(messages, [*found.evidence, *found.entities])


def test_of_two_troubles_the_one_without_an_answer_is_the_matter() -> None:
    cited = CitationView(1, "repair.md", "Repair service", "/repair", "free", ((0, 8),))
    answer = message(2, "assistant", "A torn floor is repaired free of charge.", (cited,))
    messages = [
        message(1, "visitor", "The floor of my Lizum tent is torn after two nights."),
        replace(answer, reply_to="msg_1"),
        message(3, "visitor", "My discount code doesn't work, let me talk to a person"),
    ]
    found = triage(messages, reason="customer_request", anger_in=anger_in)
    assert found.subject == "My discount code doesn't work"
    assert "floor of their Lizum tent" in found.summary
    found = triage(messages[:2], reason="customer_request", anger_in=anger_in)
    assert found.subject == "The floor of my Lizum tent is torn after two nights."


def check_verbatim(messages: list[MessageView], pieces: list[Evidence | Entity]) -> None:
    texts = {m.id: m.text for m in messages}
    assert [texts[p.message_id][p.start : p.end] for p in pieces] == [p.text for p in pieces]


PIECES = st.sampled_from(
    [
        "I want a human!",
        "My order AG-48213 is broken.",
        "Hello",
        "???",
        "€ 49,90",
        "call +43 512 564712",
        "\n- first\n- second",
        "This is UNACCEPTABLE AND WRONG!!!",
        "e.g. a tent",
        "Ärger mit dem Zelt, dringend!",
        "👋🏽",
    ]
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["visitor", "assistant", "agent", "system"]),
            st.lists(PIECES | st.text(max_size=60), max_size=4),
        ),
        max_size=8,
    )
)
def test_whatever_is_said_the_pieces_stand_where_they_say(said: list[tuple[str, list[str]]]) -> None:
    messages = [message(n, author, " ".join(texts)) for n, (author, texts) in enumerate(said, 1)]
    found = triage(messages, reason="model_failure", anger_in=anger_in, products=["a tent"], country="AT")
    check_verbatim(messages, [*found.evidence, *found.entities])
    authors = {m.id: m.author for m in messages}
    assert {authors[p.message_id] for p in found.entities} <= {"visitor"}
    assert len(found.summary.split()) <= 60
    assert 0 < len(found.subject) <= 80
    assert found.priority_why.startswith(found.priority.capitalize())
    spans = sorted((e.message_id, e.start, e.end) for e in found.entities)
    assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(spans)), "entities overlap"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write to Anna.Maier+shop@mail.example.co.uk.", [("email", "Anna.Maier+shop@mail.example.co.uk")]),
        ("order number is 4512345678", [("order", "4512345678")]),
        ("Where is my order #48213?", [("order", "48213")]),
        ("Ref AG-48213-2, thanks", [("order", "AG-48213-2")]),
        ("meine Bestellnummer: 77231", [("order", "77231")]),
        ("in order to return boots 2026", []),
        ("20431", [("order", "20431")]),
        ("half of it is missing. 20740. the tent came", [("order", "20740")]),
        ("Could you send it elsewhere? nr. 21033, thanks", [("order", "21033")]),
        ("It's 20431 and the voucher number is 77120", [("order", "20431"), ("order", "77120")]),
        ("there are no 20000 reasons, 12345 people say so", []),
        ("VAT number DE811907980, phone number 51256471", []),
        ("bought two weeks ago", [("date", "two weeks ago")]),
        (
            "seit letzter Woche, vor drei Tagen, by the end of May",
            [("date", "letzter Woche"), ("date", "vor drei Tagen"), ("date", "end of May")],
        ),
        ("I paid € 1.249,00 and then 49.90 EUR", [("amount", "€ 1.249,00"), ("amount", "49.90 EUR")]),
        ("It cost $20", [("amount", "$20")]),
        ("bought on 12.03.2026, broke on 3 April", [("date", "12.03.2026"), ("date", "3 April")]),
        ("I may return it", []),
        ("call me: +43 512 564712", [("phone", "+43 512 564712")]),
        ("0512 564712", [("phone", "0512 564712")]),
        ("Ship it to Switzerland", [("country", "Switzerland")]),
        ("my card 4111 1111 1111 1111 was charged", []),
        ("my card 4111 1111 1111 1111 12/27 was charged", []),
        ("the lizum 2 tent and the Lizum", [("product", "lizum 2 tent"), ("product", "Lizum")]),
        ("a@b.example a@b.example A@B.example", [("email", "a@b.example")]),
    ],
)
def test_facts_are_found_verbatim(text: str, expected: list[tuple[str, str]]) -> None:
    assert entities(text, products=["Lizum", "Lizum 2 tent", "xy"], country="AT") == expected


def test_a_long_run_of_anything_takes_no_time() -> None:
    # 4,000 characters is the longest message; a regular expression that backtracks would take minutes here.
    for text in (
        "a@" * 2000,
        "1" * 4000,
        "1." * 2000,
        "order " * 666,
        "€" * 4000,
        "A-1" * 1300,
        "not " * 1000,
        "!" * 4000,
    ):
        triage(
            visitor(text, text),
            reason="customer_request",
            anger_in=anger_in,
            products=["Lizum"],
            country="AT",
        )


@pytest.mark.parametrize(
    ("text", "priority", "sentiment"),
    [
        ("How do I wash a down jacket?", "normal", "calm"),
        ("The stove leaks and it smells of gas", "urgent", "calm"),
        ("My account was hacked", "urgent", "calm"),
        ("I was charged twice", "high", "calm"),
        ("Please, this is urgent", "high", "calm"),
        ("It is not urgent, whenever you can", "low", "calm"),
        ("The tent isn't damaged, just too small", "normal", "calm"),
        ("This is unacceptable", "high", "angry"),
        ("WHERE IS MY PARCEL", "normal", "worried"),
        ("Where is it!!!", "normal", "worried"),
        ("The zip is ridiculous on the small one, is there another?", "normal", "calm"),
        ("I am not angry, just curious", "low", "calm"),
        ("I'm worried about my parcel", "normal", "worried"),
        ("I have a suggestion for your shop", "low", "calm"),
        ("Das Zelt ist beschädigt angekommen", "high", "calm"),
        ("Unverschämtheit!", "high", "angry"),
    ],
)
def test_rules_name_the_words_that_decided(text: str, priority: str, sentiment: str) -> None:
    found = triage(visitor(text), reason="customer_request", anger_in=anger_in)
    assert (found.priority, found.sentiment) == (priority, sentiment)
    decided = [e.text for e in found.evidence if e.part == "priority"]
    assert bool(decided) == (priority != "normal")
    assert all(f"“{words}”" in found.priority_why for words in decided)


@pytest.mark.parametrize("said", [
    "This is ridiculous, I asked three times.", "Horrible service", "This is a scam", "You are lying to me", "It's a total waste of time",
    "I will never again order here", "Terrible. Just terrible.", "The service is appalling", "you people are useless",
    "Eine Katastrophe!", "Mein Anwalt meldet sich bei Ihnen.", "C'est une honte !", "C'est inadmissible", "¡Es una vergüenza!", "È una vergogna!",
    "Dit is een schande!", "To jest skandal!", "É uma vergonha!", "Это безобразие!", "Bu bir rezalet!", "これはひどい対応だ、ふざけるな", "你们太过分了", "هذا عار عليكم", "זו בושה!",
])  # fmt: skip
def test_who_is_angry_to_the_assistant_is_angry_on_the_ticket_in_every_language(said: str) -> None:
    before = "Where is my parcel? "
    found = triage(visitor(before + said), reason="customer_request", anger_in=anger_in)
    assert angry(said)
    assert (found.sentiment, found.priority) == ("angry", "high")
    [felt, *_] = [each for each in found.evidence if each.part == "sentiment"]
    assert felt.start >= len(before)
    assert felt.text == (before + said)[felt.start : felt.end]


@pytest.mark.parametrize("said", [
    "I am not angry, just curious", "Is this mail a scam?", "what a joke of a zip, can it be repaired?",
    "Is the horrible weather a problem for the tent?", "Ist die Milch sauer?", "Is that the worst that can happen?",
])  # fmt: skip
def test_what_the_assistant_does_not_take_for_anger_is_none_on_the_ticket(said: str) -> None:
    assert not angry(said)
    assert triage(visitor(said), reason="customer_request", anger_in=anger_in).sentiment == "calm"


def test_a_long_angry_sentence_is_shown_by_its_first_words() -> None:
    said = "This is ridiculous because " + "I wait and wait " * 20
    found = triage(visitor("Hello. " + said), reason="customer_request", anger_in=anger_in)
    assert found.priority_why == (
        "High: the visitor is angry (“This is ridiculous because I wait and wait I wait and wait”)."
    )


@pytest.mark.parametrize("said", [
    "Où est ma commande 20999 ?", "Numéro de commande : 20999", "Mi pedido número 20999 no llega", "Il mio ordine n. 20999", "Bestelling 20999 is kapot",
    "Moje zamówienie nr 20999", "Minha encomenda 20999", "Meu pedido nº 20999", "Мой заказ № 20999", "Siparişim 20999 gelmedi", "رقم الطلب 20999",
    "ההזמנה שלי 20999", "注文番号は20999です", "我的订单20999在哪里", "订单号：20999",
])  # fmt: skip
def test_order_numbers_are_found_in_every_language(said: str) -> None:
    [found] = find_entities(visitor(said))
    assert (found.kind, found.text, said[found.start : found.end]) == ("order", "20999", "20999")


@pytest.mark.parametrize("said", [
    "Une commande de 4000 euros", "un pedido de 4000 pesos", "Je commande 2 tentes", "Un retour sous 30 jours", "заказ на 3 дня",
])  # fmt: skip
def test_other_numbers_behind_such_words_are_no_orders(said: str) -> None:
    assert "order" not in {each.kind for each in find_entities(visitor(said))}


def test_what_agents_and_the_assistant_say_decides_nothing() -> None:
    messages = [
        message(1, "visitor", "How do I wash it?"),
        message(2, "assistant", "A gas leak is dangerous. Call 0800 123456."),
        message(3, "agent", "This is urgent, order 48213"),
    ]
    found = triage(messages, reason="customer_request", anger_in=anger_in, country="AT")
    assert (found.priority, found.sentiment, found.entities) == ("normal", "calm", ())
