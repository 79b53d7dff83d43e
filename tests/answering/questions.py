"""Pairs of questions that look alike: those that are the same one, and those of which each has another answer.

Written by hand as templates with what may stand in them; `DIFFERENT` is what they come to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions, and in what they differ."""

    kind: str
    one: str
    other: str


# (kind, template, what may stand there): any two fillings of one template are two questions.
_SWAPPED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("number", "How much is shipping for a {} kg parcel?", ("2", "3", "20", "2.5", "12")),
    ("number", "Can I return boots after {} days?", ("14", "30", "31", "100")),
    ("number", "Do you rent tents for {} people?", ("two", "3", "four", "13")),
    ("number", "Is the sleeping bag warm enough for {} °C?", ("-10", "10", "-5", "5")),
    ("number", "Do I get a discount from {}?", ("€50", "€500", "$50", "50%", "5%")),
    ("number", "Do you open at {}?", ("9 am", "9 pm", "9:30 am", "10 am")),
    ("number", "Is there a fee of {} for returns?", ("€4.90", "€49.0", "€4", "£4.90")),
    ("plan", "What does the {} plan cost?", ("Basic", "Plus", "Pro", "Pro Plus", "Family")),
    ("plan", "Is plan {} cheaper?", ("A", "B", "C", "A+")),
    ("plan", "Does the {} warranty cover the zip?", ("two-year", "one-year", "five-year")),
    ("product", "How heavy is the {}?", ("Lizum 2", "Lizum 3", "Lizum 2 UL", "Tarn 45", "Tarn 45 W", "Tarn 54")),
    ("product", "Can I machine-wash {}?", ("a down jacket", "a rain jacket", "wool socks", "boots", "a sleeping bag")),
    ("product", "Where is order {}?", ("AG-48213", "AG-48231", "AH-48213", "48213")),
    ("product", "Do you sell {}?", ("boots", "boot laces", "bootees", "glasses", "glass", "custom boots", "customs boots")),
    ("place", "How long does delivery to {} take?", ("Germany", "Austria", "Norway", "northern Germany", "the US", "us")),
    ("place", "Is your {} shop open on Sundays?", ("Innsbruck", "Vienna", "Linz", "old Vienna")),
    ("place", "Can I pay in {}?", ("euros", "Swiss francs", "pounds", "the shop", "instalments")),
    ("time", "Are you open on {}?", ("Monday", "Sunday", "Monday and Sunday", "Christmas Eve", "Christmas Day")),
    ("time", "Can I cancel {} the parcel was sent?", ("before", "after", "when", "once")),
    ("polarity", "{} boots be returned?", ("Can", "Can't", "Must", "Should", "May")),
    ("polarity", "{} I return opened filters?", ("Can", "Can I not, or can", "Must", "Could", "Why can", "Why can't")),
    ("polarity", "{} you deliver on Saturdays?", ("Do", "Don't", "Why don't", "When do", "Did", "Would")),
    ("polarity", "Is a receipt {} for a repair?", ("needed", "not needed", "only needed", "never needed", "also needed")),
    ("polarity", "Can I return boots {} the box?", ("with", "without", "with or without", "in", "instead of")),
    ("polarity", "{} returns free?", ("Are", "Aren't", "Are all", "Are some", "Are no", "Which")),
    ("polarity", "Do I get {} money back?", ("all my", "some of my", "more", "less", "no")),
    ("person", "Who pays for the return, {}?", ("I or you", "you or I", "they or I")),
    ("person", "{} call about the repair?", ("Do I", "Do you", "Should I", "Should you", "Will they")),
    ("person", "What is {} phone number?", ("your", "my", "the courier's", "the shop's")),
    ("type", "{} do you ship to Norway?", ("When", "How", "Why", "How often", "At what price", "What")),
    ("type", "{} is the deposit for a tent?", ("How much", "Where", "What", "Why", "When", "Who")),
    ("type", "{} can return rented skis?", ("Who", "Nobody", "Who else", "Which customers")),
    ("word", "What are the {} rules?", ("import", "important", "return", "rental", "returns policy")),
    ("word", "Is there {} university discount?", ("a", "any other", "still a", "a universal")),
    ("word", "Can I have the {} repaired?", ("sole", "soles and zip", "zip", "whole boot", "inner boot")),
    ("word", "Can I change my {}?", ("email address", "address", "name", "order", "order address", "password")),
    ("word", "Do you {} skis?", ("rent", "sell", "repair", "buy back", "rent and sell", "wax")),
    ("scope", "Are gift cards valid {}?", ("online", "in shops", "online and in shops", "only online", "abroad", "for rentals")),
    ("scope", "Is shipping free {} €50?", ("from", "under", "over", "up to", "above")),
)  # fmt: skip

# Pairs that only the order or one small word tells apart.
_APART: tuple[tuple[str, str, str], ...] = (
    ("order", "Can I exchange boots for shoes?", "Can I exchange shoes for boots?"),
    ("order", "Is the Lizum 2 lighter than the Lizum 3?", "Is the Lizum 3 lighter than the Lizum 2?"),
    ("order", "Do you ship from Austria to Norway?", "Do you ship from Norway to Austria?"),
    ("order", "Can the courier call the customer?", "Can the customer call the courier?"),
    ("order", "Must I pay and can I return it?", "Can I pay and must I return it?"),
    ("order", "Is the tent in blue heavier than the pack?", "Is the tent heavier than the pack in blue?"),
    ("order", "If I cancel, can I return it?", "If I return it, can I cancel?"),
    ("order", "Can I exchange boots in blue for shoes?", "Can I exchange boots for shoes in blue?"),
    ("order", "Do you send it to me?", "Do I send it to you?"),
    ("order", "Can I pay with PayPal, not by card?", "Can I pay by card, not with PayPal?"),
    ("clause", "Can I return boots if they are worn?", "Can I return boots if they are not worn?"),
    ("clause", "Can I return boots if they are worn?", "Can't I return boots if they are worn?"),
    ("clause", "Can I return boots if they are worn?", "Can I return boots unless they are worn?"),
    ("clause", "Can I return boots?", "Can I return boots if they are worn?"),
    ("clause", "I ordered boots. Can I cancel?", "I ordered boots. Can I return?"),
    ("clause", "The tent is wet. The pack is dry. Can I wash it?", "The pack is dry. The tent is wet. Can I wash it?"),
    ("capital", "Do you ship to US addresses?", "Do you ship to us addresses?"),
    ("capital", "Do you repair Polish boots?", "Do you repair polish boots?"),
    ("lead", "Do you sell thank you cards?", "Do you sell cards?"),
    ("lead", "Do you sell Hello Kitty bags?", "Do you sell bags?"),
    ("lead", "Could you tell me how long delivery takes?", "Could you tell them how long delivery takes?"),
    ("lead", "Do you know who repairs boots?", "Do you know boots?"),
    ("lead", "What do I do with a broken zip?", "What am I with a broken zip?"),
)  # fmt: skip

# What different people write for the same question; the first is the one that was asked before.
PARAPHRASES: tuple[tuple[str, ...], ...] = (
    ("How long does shipping to Germany take?", "how long does shipping take to germany", "Hi, how long does shipping to Germany take?", "How long will shipping to Germany take?", "shipping time germany?", "Could you please tell me how long shipping to Germany takes?"),
    ("How much is the Lizum 2 tent?", "How much does the Lizum 2 tent cost?", "what's the price of the lizum 2 tent", "What does the Lizum 2 tent cost?", "lizum 2 tent price", "Hello! How much is a Lizum 2 tent please?"),
    ("Can I return worn boots?", "can I return boots that I have worn?", "I'd like to know if I can return worn boots.", "Is it possible to return worn boots?", "Can I return worn boots? Thanks!", "Are worn boots returnable?"),
    ("Do you ship to Norway?", "do you ship to norway", "Hey, do you ship to Norway?", "Is shipping to Norway possible?", "Do you know if you ship to Norway?", "Can you deliver to Norway?"),
    ("What are your opening hours?", "opening hours?", "What are your opening hours please", "When are you open?", "Tell me what your opening hours are", "what are the opening hours"),
    ("Can I return boots if they are worn?", "If they're worn, can I return boots?", "if the boots are worn can i return them", "Can boots be returned if they are worn?", "can i return boots if they are worn"),
    ("How do I reset my password?", "how do i reset my password??", "How can I reset my password?", "I forgot my password", "Good morning, how do I reset my password?", "please tell me how do I reset my password"),
    ("Where is my order?", "where's my order", "Where's my order?!", "Hi. Where is my order?", "I wonder where my order is", "Can you tell me where my order is?"),
    ("Do you sell gift cards?", "do you sell a gift card?", "I was wondering if you sell gift cards.", "Are there gift cards?", "Do you sell gift cards? Thank you!", "gift cards"),
    ("Is returning free?", "Are returns free?", "is the returning free?", "Hi, is returning free please?", "Does returning cost anything?"),
    ("How long is the guarantee on tents?", "how long is the guarantee on a tent", "May I ask how long the guarantee on tents is?", "What guarantee do tents have?", "How long is the guarantee on tents"),
    ("Can somebody else collect my order?", "can somebody else collect my orders?", "Hello, can somebody else collect my order", "Can someone else pick up my order?", "Could somebody else collect my order?"),
    ("Do I need a receipt for a repair?", "do i need the receipt for the repair", "Hi do I need a receipt for a repair?", "Is a receipt needed for a repair?", "Without a receipt, can I get a repair?"),
    ("Which cards do you accept?", "which card do you accept", "Which cards do you accept please?", "What cards can I pay with?", "Quick question: which cards do you accept?"),
    ("Can't I cancel my order?", "cant I cancel my order", "Can I not cancel my order?", "Why can I not cancel my order?", "I can't cancel my order?"),
)  # fmt: skip


def different() -> Iterator[Pair]:
    """Every pair that must never share an answer."""
    for kind, template, fillings in _SWAPPED:
        for one, other in combinations(fillings, 2):
            yield Pair(kind, template.format(one), template.format(other))
    for kind, one, other in _APART:
        yield Pair(kind, one, other)


DIFFERENT: tuple[Pair, ...] = tuple(different())
