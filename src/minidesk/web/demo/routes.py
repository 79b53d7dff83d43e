"""One page and its stylesheet."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, Template

from minidesk.web.guard import MICROPHONE, content_policy

HERE = Path(__file__).parent

# One for each thing that a newcomer should see: an answer, a table cell, steps, a gap, a person.
QUESTIONS = (
    "How long do I have to send something back?",
    "What does shipping to Switzerland cost?",
    "How do I wash my down jacket?",
    "Do you rent out ski goggles?",
    "Can I talk to someone?",
)


@dataclass(frozen=True, slots=True)
class DemoDeps:
    """What the page says."""

    site_key: str
    documents: int


def demo_router(deps: DemoDeps) -> APIRouter:
    """`/demo` and what it loads."""
    router = APIRouter(include_in_schema=False)

    @router.get("/demo", response_class=HTMLResponse)
    async def shop() -> HTMLResponse:
        page = _template().render(
            site_key=deps.site_key, documents=deps.documents, questions=QUESTIONS, stylesheet="/demo/shop.css"
        )
        # The one page of the desk that frames another: the chat.
        policy = f"{content_policy()}; frame-src 'self'"
        return HTMLResponse(
            page, headers={"Content-Security-Policy": policy, "Permissions-Policy": MICROPHONE}
        )

    @router.get("/demo/shop.css")
    async def stylesheet() -> FileResponse:
        return FileResponse(HERE / "static" / "shop.css", media_type="text/css")

    return router


@cache
def _template() -> Template:
    return Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True).get_template("shop.html")
