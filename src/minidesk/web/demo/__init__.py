"""The sample shop's page, with the widget on it. Served by `minidesk demo` only."""

from minidesk.web.demo.routes import DemoDeps, demo_router

__all__ = ["DemoDeps", "demo_router"]
