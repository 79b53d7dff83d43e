"""The ways in for files, addresses, other services and mails."""

from minidesk import __version__
from minidesk.accounts import Agents, OpenIdConnect, Sealer, Sessions
from minidesk.channels import ReplyAddress, key_of
from minidesk.knowledge.crawls import Crawls
from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.installed import InstallCheck
from minidesk.knowledge.sources import Sources
from minidesk.outbound import Allowed, Outbound
from minidesk.settings import Settings
from minidesk.wiring.core import Core


def build_sources(core: Core, embedder: Embedder | None) -> Sources:
    """The door for files."""
    fingerprint = embedder.fingerprint if embedder is not None else ""
    return Sources(core.db, core.files, core.jobs, core.hub, core.settings, core.clock, fingerprint)


def build_crawls(core: Core) -> Crawls:
    """The door for addresses of pages and sites."""
    return Crawls(core.db, core.jobs, core.hub, core.clock, Allowed(core.settings.outbound_allow))


def build_install_check(core: Core) -> InstallCheck:
    """What looks at a page for the chat's script."""
    outbound = Outbound(core.settings.outbound_allow, user_agent=f"minidesk/{__version__}")
    return InstallCheck(outbound, core.settings)


def build_oidc(core: Core, sealer: Sealer, agents: Agents, sessions: Sessions) -> OpenIdConnect | None:
    """Sign-in by another service, where the settings name one."""
    if not core.settings.oidc_issuer:
        return None
    outbound = Outbound(core.settings.outbound_allow, user_agent=f"minidesk/{__version__}")
    return OpenIdConnect(core.db, core.settings, outbound, sealer, agents, sessions, core.clock)


def reply_address(settings: Settings) -> ReplyAddress | None:
    """Where answers to mails go; None where none come in."""
    if not settings.mail_reply_to:
        return None
    return ReplyAddress(settings.mail_reply_to, key_of(settings.mail_inbound_secret.get_secret_value()))
