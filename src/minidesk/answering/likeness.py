"""Does a message read like a request for a person? A second opinion where the rules of `wants_human` hear none.

Requests are put in more ways than rules foresee. The message is compared with sentences of our own that ask for a
person and with sentences that look alike and ask something else; it counts where it lies near the first and clearly
nearer than to the second.
"""

import numpy as np

from minidesk.answering.rank import Embed, Vectors
from minidesk.answering.wants_human import asks_about_people

_ASKING = (
    "I want to talk to a human being.",
    "Can I speak to a real person, please?",
    "Connect me to an agent.",
    "I need a human to help me.",
    "Let me talk to somebody from your team.",
    "Could a colleague of yours take over?",
    "Please put me through to customer service.",
    "I would rather deal with a person than with a bot.",
    "Stop, I don't want to chat with a machine.",
    "Is anybody real there?",
    "Is there someone I can talk to?",
    "Please have somebody call me.",
    "Can someone phone me back?",
    "I'd like a call from a member of your staff.",
    "Get me your manager.",
    "I want to complain to somebody in charge.",
    "This bot is useless, give me a person.",
    "You don't understand me, I need someone who does.",
    "You keep giving me the same answer, I want somebody else.",
    "Can a person look at my case?",
    "My problem is too complicated for a bot.",
    "Please pass this on to someone who can decide.",
    "Open a support ticket for me.",
    "I need to discuss this with an employee.",
    "Can one of your people write to me about this?",
    "Human please.",
)
_OTHERWISE = (
    "Are you a human or a bot?",
    "Am I talking to a machine?",
    "What is your phone number?",
    "When is customer service open?",
    "How can I contact you?",
    "What is the e-mail address for questions?",
    "How fast do you answer messages?",
    "Do your employees speak French?",
    "How many people work for you?",
    "Who owns the company?",
    "Do you have jobs in customer service?",
    "Can somebody else pick up my order?",
    "Can another person use my account?",
    "Is this made for two people?",
    "Will the driver call me before delivery?",
    "Does somebody have to be at home when the parcel comes?",
    "Can the staff in the shop help me to choose a size?",
    "Can I book an appointment with an adviser?",
    "Are calls recorded?",
    "Can I order by phone?",
    "Which agent delivers my parcel?",
    "How do I file a warranty claim?",
    "Whom do I write to about a press interview?",
    "Can I get help with my password?",
    "I need help with my order.",
    "Can you help me?",
    "Something is broken, what shall I do?",
    "I want to return this.",
    "How do I close my account?",
    "Where is my parcel?",
    "I want to report a problem with my bill.",
    "I have a question about my account.",
    "Where is the nearest branch or agent?",
    "I cannot log in to my agent account.",
    "How do I complain about a product?",
    "Is there a department for human resources?",
)
_LONGEST = 300  # characters; a long message has a topic, and its vector is that of the topic
# On shop, bank and bot messages nobody had tuned for, these heard half of the requests and one of 1,900 other messages.
_NEAR = 0.5
_NEARER = 0.1


class HumanLikeness:
    """Holds the sentences' vectors once they were needed."""

    def __init__(self, embed: Embed) -> None:
        """`embed` gives L2-normalised rows; hand in one that remembers."""
        self._embed = embed

    async def asks(self, text: str, vector: Vectors | None = None) -> bool:
        """True if `text` lies near the requests for a person and clearly nearer than to what only looks alike.

        `vector`: of `text`, where it is known.
        """
        if len(text) > _LONGEST or asks_about_people(text):
            return False
        near, other = await self.nearness(text, vector)
        return near >= _NEAR and near - other >= _NEARER

    async def nearness(self, text: str, vector: Vectors | None = None) -> tuple[float, float]:
        """Cosines with the nearest request and with the nearest other sentence."""
        sentences = await self._embed([*_ASKING, *_OTHERWISE])
        own = vector if vector is not None else (await self._embed([text]))[0]
        cosines = np.asarray(sentences @ own)
        return float(cosines[: len(_ASKING)].max()), float(cosines[len(_ASKING) :].max())
