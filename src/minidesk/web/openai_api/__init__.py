"""minidesk as an OpenAI-compatible API: the grounded assistant as the model `minidesk`, and the tiers as plain models.

`minidesk` (scope `ask`) answers from the site's documents: each sentence comes once it is proved, with its citations
as [n], as footnotes at the end, and in the extension field `minidesk`. `mini` and `large` (scope `models`) are the
tiers as such: routing, fallbacks, budgets and ledger, but no documents and no proof.
"""

from minidesk.web.openai_api.deps import OpenAIDeps
from minidesk.web.openai_api.routes import openai_router

__all__ = ["OpenAIDeps", "openai_router"]
