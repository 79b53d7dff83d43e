"""The console: pages for agents. Plain HTML forms first; htmx and small controllers make them live."""

from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.router import console_router, lost_page

__all__ = ["ConsoleDeps", "console_router", "lost_page"]
