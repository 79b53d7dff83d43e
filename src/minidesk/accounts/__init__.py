"""People in the console: who they are, how they sign in, and what they may do in a site. And programs: their keys."""

from minidesk.accounts.agents import Agents, AgentView, Passwords, check_email, check_password
from minidesk.accounts.api_keys import (
    SCOPES,
    ApiKeyIdentity,
    ApiKeys,
    ApiKeyView,
    NewApiKey,
    Scope,
    create_api_key,
    list_api_keys,
    revoke_api_key,
)
from minidesk.accounts.memberships import ROLES, Role, SiteAccess, access_site, grant, list_sites, revoke
from minidesk.accounts.sessions import AgentIdentity, OpenedSession, Sessions, check_csrf
from minidesk.accounts.setup_code import SetupCode

__all__ = [
    "ROLES",
    "SCOPES",
    "AgentIdentity",
    "AgentView",
    "Agents",
    "ApiKeyIdentity",
    "ApiKeyView",
    "ApiKeys",
    "NewApiKey",
    "OpenedSession",
    "Passwords",
    "Role",
    "Scope",
    "Sessions",
    "SetupCode",
    "SiteAccess",
    "access_site",
    "check_csrf",
    "check_email",
    "check_password",
    "create_api_key",
    "grant",
    "list_api_keys",
    "list_sites",
    "revoke",
    "revoke_api_key",
]
