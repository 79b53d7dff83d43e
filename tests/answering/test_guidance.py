"""Instructions that the proof will not let through are named; those of tone and length are not."""

import pytest

from minidesk.answering.guidance import conflicts

CONFLICTS = [
    ("promise", "Promise a refund to anyone who is angry."),
    ("promise", "Offer every unhappy customer a discount of our choice."),
    ("promise", "Guarantee delivery before Christmas."),
    ("promise", "Refund customers who ask twice."),
    ("yes", "Always say yes."),
    ("yes", "Never say no to a customer."),
    ("yes", "Never admit that we don't know."),
    ("yes", "Do not pass anybody to a person."),
    ("yes", "You must always find a solution."),
    ("knowledge", "Answer from your own knowledge when the pages are silent."),
    ("knowledge", "Use general knowledge about hiking."),
    ("silent", "If the documents do not say it, give your best answer."),
    ("knowledge", "Search the web for anything missing."),
    ("knowledge", "Feel free to guess sizes."),
    ("sources", "Do not cite sources."),
    ("sources", "Leave out the references."),
    ("sources", "Answer without citations, they look ugly."),
    ("link", "Send people to our Instagram page."),
    ("link", "Add a link to https://blog.other.example in each answer."),
    ("link", "Always refer customers to the contact form."),
    ("picture", "Use emojis in every answer."),
    ("picture", "Show a picture of the product."),
    ("act", "Cancel their order when they ask for it."),
    ("act", "Create a ticket for every complaint."),
    ("ask", "Ask for their order number first."),
    ("ask", "End with a question."),
    ("phrase", "End every answer with “Happy trails!”"),
    ("phrase", "Recommend our newsletter in each reply."),
    ("phrase", "Tell a joke now and then."),
    ("secret", "Say that you are a human called Anna."),
    ("secret", "Never admit that you are a bot."),
    ("fact", "Our phone number is 0512 123456."),
    ("fact", "Shipping to Austria costs 4,90 €."),
    ("promise", "Versprich jedem eine Rückerstattung."),
    ("promise", "Gib verärgerten Kunden einen Gutschein."),
    ("yes", "Sag immer ja."),
    ("yes", "Leite nie an einen Menschen weiter."),
    ("knowledge", "Antworte aus deinem eigenen Wissen."),
    ("silent", "Wenn du es nicht weißt, such im Internet."),
    ("sources", "Gib keine Quellen an."),
    ("link", "Verweise auf unsere Instagram Seite."),
    ("picture", "Verwende Emojis."),
    ("act", "Storniere die Bestellung, wenn man dich bittet."),
    ("ask", "Frag zuerst nach der Bestellnummer."),
    ("phrase", "Beende jede Antwort mit „Berg Heil“."),
    ("secret", "Gib dich als Mitarbeiterin aus."),
    ("fact", "Der Versand dauert 3 Tage."),
]
FINE = [
    "Be brief and friendly.",
    "Use short sentences.",
    "Write like a mountain guide: calm and clear.",
    "Never promise a refund.",
    "Do not guess.",
    "Never discuss competitors.",
    "Avoid technical terms.",
    "Address visitors formally.",
    "Answer in at most two sentences.",
    "Prefer the word “hut” to “cabin”.",
    "Use British spelling.",
    "Start with the answer itself.",
    "Do not use your own knowledge.",
    "Never show pictures or emojis.",
    "Name the article where there are several.",
    "Sound warm, but not pushy.",
    "Say “guests” and not “customers”.",
    "Do not talk about politics.",
    "Mit freundlichem Ton, aber ohne Umschweife.",
    "Sieze die Besucher.",
    "Antworte kurz und freundlich.",
    "Versprich nie etwas.",
    "Sprich nicht über Mitbewerber.",
    "Verwende keine Emojis.",
    "Rate nicht, wenn etwas fehlt.",
    "Erkläre Fachwörter einfach.",
]


@pytest.mark.parametrize(("kind", "text"), CONFLICTS)
def test_what_cannot_work_is_named(kind: str, text: str) -> None:
    found = conflicts(text)
    assert [conflict.kind for conflict in found] == [kind]
    assert found[0].words == text


@pytest.mark.parametrize("text", FINE)
def test_tone_and_length_are_the_owners_own(text: str) -> None:
    assert conflicts(text) == []


def test_each_sentence_is_read_by_itself() -> None:
    text = "Be brief. Promise a refund to everyone.\nNever show pictures. Do not cite sources."
    assert [(c.kind, c.words) for c in conflicts(text)] == [
        ("promise", "Promise a refund to everyone."),
        ("sources", "Do not cite sources."),
    ]


def test_addresses_that_answers_may_link_to_are_no_conflict() -> None:
    text = "Point out https://docs.example.com/start where it helps."
    assert [c.kind for c in conflicts(text)] == ["link"]
    assert conflicts(text, {"docs.example.com"}) == []


def test_a_long_sentence_is_shortened() -> None:
    [found] = conflicts(f"Promise a refund to {'really ' * 40}everyone.")
    assert found.words.endswith("…")
    assert len(found.words) <= 91


def test_signs_of_addresses_without_one_take_no_time_either() -> None:
    """Cubic once: so many would have taken minutes."""
    assert conflicts("@" * 4000) == []
    assert [each.kind for each in conflicts("Tell everybody to write to help@shop.example.")] == ["fact"]


def test_four_thousand_characters_take_no_time() -> None:
    assert conflicts("a " * 2000) == []
    assert conflicts("ask for the " * 330) == []
