"""People in the console: who they are, how they sign in, and what they may do in a site."""

from minidesk.accounts.agents import Agents, AgentView, Passwords, check_email, check_password
from minidesk.accounts.memberships import ROLES, Role, SiteAccess, access_site, grant, list_sites, revoke
from minidesk.accounts.sessions import AgentIdentity, OpenedSession, Sessions, check_csrf
from minidesk.accounts.setup_code import SetupCode

__all__ = [
    "ROLES",
    "AgentIdentity",
    "AgentView",
    "Agents",
    "OpenedSession",
    "Passwords",
    "Role",
    "Sessions",
    "SetupCode",
    "SiteAccess",
    "access_site",
    "check_csrf",
    "check_email",
    "check_password",
    "grant",
    "list_sites",
    "revoke",
]
