"""The API for integrators: documents, search and answers of one site, by API key."""

from minidesk.web.rest.deps import RestDeps
from minidesk.web.rest.routes import PREFIX, rest_router

__all__ = ["PREFIX", "RestDeps", "rest_router"]
