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
from minidesk.accounts.audit import (
    ABOUT,
    ACTIONS,
    COMMAND,
    Actor,
    Entry,
    differences,
    list_actors,
    list_entries,
    record,
    record_of_agent,
)
from minidesk.accounts.doors import Doors, build_doors
from minidesk.accounts.invitations import Invitations, InvitationView, Invited
from minidesk.accounts.memberships import ROLES, Role, SiteAccess, access_site, grant, list_sites, revoke
from minidesk.accounts.oidc import OpenIdConnect
from minidesk.accounts.people import Person, change_role, check_may_manage, list_people, remove_person
from minidesk.accounts.resets import PasswordResets
from minidesk.accounts.sealing import Sealer, open_sealer
from minidesk.accounts.second_factor import (
    FactorState,
    SecondFactors,
    address_for_app,
    check_code_form,
    is_required_in,
    is_required_of,
    qr_svg,
    require_in,
)
from minidesk.accounts.sessions import AgentIdentity, OpenedSession, Sessions, SessionView, check_csrf
from minidesk.accounts.setup_code import SetupCode
from minidesk.accounts.steps import DoorSteps, Step, StepKind
from minidesk.accounts.teams import (
    TeamView,
    change_team,
    create_team,
    delete_team,
    list_teams,
)

__all__ = [
    "ABOUT",
    "ACTIONS",
    "COMMAND",
    "ROLES",
    "SCOPES",
    "Actor",
    "AgentIdentity",
    "AgentView",
    "Agents",
    "ApiKeyIdentity",
    "ApiKeyView",
    "ApiKeys",
    "DoorSteps",
    "Doors",
    "Entry",
    "FactorState",
    "InvitationView",
    "Invitations",
    "Invited",
    "NewApiKey",
    "OpenIdConnect",
    "OpenedSession",
    "PasswordResets",
    "Passwords",
    "Person",
    "Role",
    "Scope",
    "Sealer",
    "SecondFactors",
    "SessionView",
    "Sessions",
    "SetupCode",
    "SiteAccess",
    "Step",
    "StepKind",
    "TeamView",
    "access_site",
    "address_for_app",
    "build_doors",
    "change_role",
    "change_team",
    "check_code_form",
    "check_csrf",
    "check_email",
    "check_may_manage",
    "check_password",
    "create_api_key",
    "create_team",
    "delete_team",
    "differences",
    "grant",
    "is_required_in",
    "is_required_of",
    "list_actors",
    "list_api_keys",
    "list_entries",
    "list_people",
    "list_sites",
    "list_teams",
    "open_sealer",
    "qr_svg",
    "record",
    "record_of_agent",
    "remove_person",
    "require_in",
    "revoke",
    "revoke_api_key",
]
