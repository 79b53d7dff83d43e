"""What the widget talks to: its API, its event stream and its pages."""

from minidesk.web.visitor_api.deps import HandsOff, PageDeps, VisitorDeps
from minidesk.web.visitor_api.mail_routes import mail_router
from minidesk.web.visitor_api.pages import pages_router
from minidesk.web.visitor_api.plain import plain_router
from minidesk.web.visitor_api.routes import PREFIX, visitor_router
from minidesk.web.visitor_api.streams import Streams

__all__ = [
    "PREFIX",
    "HandsOff",
    "PageDeps",
    "Streams",
    "VisitorDeps",
    "mail_router",
    "pages_router",
    "plain_router",
    "visitor_router",
]
