"""An agent's words made shorter or friendlier, and words in another language: by a model, and only if every figure is kept."""

import asyncio
from collections.abc import Collection
from typing import Literal

from pydantic import BaseModel, Field

from minidesk.answering.kept import changed
from minidesk.answering.models import Models
from minidesk.answering.prompt import Prompt, leaks, translate_prompt, wording_prompt
from minidesk.answering.structured import ask_for
from minidesk.errors import Conflict, ModelError
from minidesk.gateway.messages import ChatRequest

How = Literal["shorter", "friendlier", "spelling"]
HOWS: tuple[How, ...] = ("shorter", "friendlier", "spelling")

MOST_CHARS = 6000  # a reply is longer than this only where a document was pasted into it
_SECONDS = 30.0
# Of a model's own: a text in Arabic or Japanese takes a token for a letter or two.
_TOKENS_A_CHAR, _TOKENS_MORE = 1.2, 200

# In English, for the prompt; who reads and writes another one is not offered a translation.
LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "fi": "Finnish", "fr": "French", "he": "Hebrew", "hr": "Croatian", "hu": "Hungarian", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip


class NotKept(Conflict):
    """The model changed what must stay as it is."""

    code = "not_kept"
    default = "The model changed a figure or a name. Nothing was taken over; try again, or write it yourself."


class Written(BaseModel):
    """The text, and nothing around it."""

    text: str = Field(min_length=1, max_length=4 * MOST_CHARS)


async def reworded(
    models: Models, text: str, how: How, *, names: Collection[str] = (), site_id: str, conversation_id: str
) -> str:
    """`text` shorter, friendlier, or with correct spelling. Raises NotKept, and ModelError where none could write it."""
    prompt = wording_prompt(text, how)
    written = await _written(models, prompt, text, "rewrite_reply", site_id, conversation_id)
    await _check(text, written, prompt, names, translated=False)
    return written


async def translated(
    models: Models,
    text: str,
    language: str,
    *,
    names: Collection[str] = (),
    site_id: str,
    conversation_id: str,
) -> str:
    """`text` in the language of this code, one of LANGUAGES. Raises as `reworded`."""
    prompt = translate_prompt(text, LANGUAGES[language])
    written = await _written(models, prompt, text, "translate", site_id, conversation_id)
    await _check(text, written, prompt, names, translated=True)
    return written


async def _written(
    models: Models,
    prompt: Prompt,
    text: str,
    purpose: Literal["rewrite_reply", "translate"],
    site_id: str,
    conversation_id: str,
) -> str:
    request = ChatRequest(
        messages=prompt.messages,
        purpose=purpose,
        max_tokens=round(len(text) * _TOKENS_A_CHAR) + _TOKENS_MORE,
        temperature=0.0,
        site_id=site_id,
        conversation_id=conversation_id,
    )
    found = await ask_for(models, request, Written, seconds=_SECONDS)
    if found.value is None or not found.value.text.strip():
        raise ModelError("No model could do this just now. Try again in a minute, or write it yourself.")
    return found.value.text.strip()


async def _check(
    source: str, result: str, prompt: Prompt, names: Collection[str], *, translated: bool
) -> None:
    if prompt.marker in result or leaks(result, prompt):
        raise NotKept("The model wrote something else than this text. Nothing was taken over; try again.")
    found = await asyncio.to_thread(changed, source, result, names=names, translated=translated)
    if found:
        named = ", ".join(f"“{each}”" for each in found[:3])
        raise NotKept(
            f"The model did not keep {named} as it was. Nothing was taken over; try again, or write it yourself."
        )
