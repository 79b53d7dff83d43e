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
from minidesk.accounts.people import Person, change_role, list_people, remove_person
from minidesk.accounts.sessions import AgentIdentity, OpenedSession, Sessions, check_csrf
from minidesk.accounts.setup_code import SetupCode
from minidesk.accounts.teams import (
    TeamView,
    change_team,
    create_team,
    delete_team,
    list_teams,
)

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
    "Person",
    "Role",
    "Scope",
    "Sessions",
    "SetupCode",
    "SiteAccess",
    "TeamView",
    "access_site",
    "change_role",
    "change_team",
    "check_csrf",
    "check_email",
    "check_password",
    "create_api_key",
    "create_team",
    "delete_team",
    "grant",
    "list_api_keys",
    "list_people",
    "list_sites",
    "list_teams",
    "remove_person",
    "revoke",
    "revoke_api_key",
]
