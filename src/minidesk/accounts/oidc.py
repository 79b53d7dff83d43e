"""Sign-in by another service (OpenID Connect Core 1.0, code flow with PKCE). The only file that names Authlib.

Between our page and theirs nothing is stored: state, nonce and the code's verifier travel in a sealed cookie. Who comes
back is found by the e-mail address that the service has checked.
"""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from minidesk.accounts.agents import Agents, AgentView, check_email, view_of
from minidesk.accounts.audit import Actor, record
from minidesk.accounts.invitations import Invitations
from minidesk.accounts.memberships import Role, grant
from minidesk.accounts.sealing import CannotOpen, Sealer
from minidesk.accounts.sessions import Sessions
from minidesk.db import Database, Tx
from minidesk.db.models import Agent, Site
from minidesk.errors import MinideskError, NotAllowed, Unavailable
from minidesk.outbound import Outbound
from minidesk.settings import Settings

# What an ID token may be signed with: asymmetric only, so that nobody signs with a key that we publish or share.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LIVES_SECONDS = 600  # long enough for a password and a second factor over there
LEEWAY_SECONDS = 60  # by which their clock may differ
ANSWER_BYTES = 256 * 1024  # discovery, keys and tokens have some kilobytes
SECONDS = 10.0
PLACE = "oidc"

BROKEN = "The sign-in service did not answer as it should. Try again, or sign in with your password."
OVER = "This sign-in took too long or began in another browser. Begin again."
UNKNOWN = "There is no account with your e-mail address here. Ask an administrator to invite you."
UNCHECKED = (
    "The sign-in service has not checked your e-mail address. Let it do that, or sign in with your password."
)


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and what its cookie keeps until it comes back."""

    url: str
    cookie: str


class OpenIdConnect:
    """One service, as the settings name it."""

    def __init__(
        self,
        db: Database,
        settings: Settings,
        outbound: Outbound,
        sealer: Sealer,
        agents: Agents,
        sessions: Sessions,
        clock: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._settings = settings
        self._outbound = outbound
        self._sealer = sealer
        self._agents = agents
        self._sessions = sessions
        self._clock = clock
        self._invitations = Invitations(db, agents, sessions, clock)

    @property
    def name(self) -> str:
        """What its button says."""
        return self._settings.oidc_name or urlsplit(self._settings.oidc_issuer).hostname or "OpenID"

    async def begin(self, back: str, then: str) -> Departure:
        """Send somebody there; they come back to the address `back`, and then go on to `then`. Raises Unavailable."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        service = await self._discover()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        url = prepare_grant_uri(
            self._endpoint(service, "authorization_endpoint"),
            client_id=self._settings.oidc_client_id,
            response_type="code",
            redirect_uri=back,
            scope="openid email profile",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        until = self._clock().timestamp() + LIVES_SECONDS
        kept = {"state": state, "nonce": nonce, "verifier": verifier, "then": then, "until": until}
        return Departure(url, self._sealer.seal(json.dumps(kept), PLACE))

    async def finish(
        self, back: str, cookie: str | None, query: Mapping[str, str], address: str = ""
    ) -> tuple[AgentView, str]:
        """Who came back, and where they wanted to go. Raises NotAllowed, or Unavailable."""
        kept = self._kept(cookie, query.get("state", ""))
        code = query.get("code", "")
        if not code:
            raise NotAllowed("The sign-in service did not let you in. Try again.", code="oidc_refused")
        service = await self._discover()
        token = await self._redeem(service, code, back, str(kept["verifier"]))
        claims = await self._claims(service, token, str(kept["nonce"]))
        if claims.get("email_verified") not in (True, "true") or not isinstance(claims.get("email"), str):
            raise NotAllowed(UNCHECKED, code="email_not_verified")
        name = claims.get("name")
        agent = await self._agent(claims["email"], name if isinstance(name, str) else "", address)
        return agent, str(kept["then"])

    def _kept(self, cookie: str | None, state: str) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads(self._sealer.open(cookie or "", PLACE))
        except CannotOpen as error:
            raise NotAllowed(OVER, code="oidc_over") from error
        same = secrets.compare_digest(str(kept["state"]).encode(), state.encode("utf-8", "replace"))
        if not same or kept["until"] < self._clock().timestamp():
            raise NotAllowed(OVER, code="oidc_over")
        return kept

    async def _discover(self) -> dict[str, Any]:
        """The service's description (OpenID Connect Discovery 1.0, section 4); it must be that of this very issuer."""
        issuer = self._settings.oidc_issuer
        found = await self._json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if found.get("issuer") != issuer:
            raise Unavailable(BROKEN, code="oidc_failed")
        return found

    async def _redeem(self, service: dict[str, Any], code: str, back: str, verifier: str) -> dict[str, Any]:
        """The tokens for a code. The secret goes as HTTP Basic, which every service has to take (RFC 6749, 2.3.1)."""
        client, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": verifier,
            "client_id": client,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if secret:
            pair = f"{quote(client, safe='')}:{quote(secret, safe='')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return await self._json(
            self._endpoint(service, "token_endpoint"), body=urlencode(form).encode(), headers=headers
        )

    async def _claims(self, service: dict[str, Any], token: dict[str, Any], nonce: str) -> dict[str, Any]:
        """What the ID token says, once its signature and its claims were checked (OpenID Connect Core, 3.1.3.7)."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        keys = await self._json(self._endpoint(service, "jwks_uri"))
        try:
            decoded = jwt.decode(
                str(token.get("id_token", "")),
                KeySet.import_key_set({"keys": keys["keys"]}),
                algorithms=ALGORITHMS,
            )
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self._settings.oidc_issuer},
                    "aud": {"essential": True, "value": self._settings.oidc_client_id},
                },
                params={"nonce": nonce, "client_id": self._settings.oidc_client_id},
            )
            claims.validate(now=int(self._clock().timestamp()), leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise NotAllowed(BROKEN, code="oidc_failed") from error
        return dict(decoded.claims)

    async def _agent(self, email: str, name: str, address: str) -> AgentView:
        """The agent with this address, let in wherever it is invited; made where it is invited, or where the settings
        give newcomers a role. Raises NotAllowed.
        """
        wanted = check_email(email)
        role: Role | None = self._settings.oidc_default_role or None
        async with self._db.read() as tx:
            known = await _known(tx, wanted)
            invited = await self._invitations.waits_for(tx, wanted)
            site_id = await self._default_site(tx) if role else None
        if known is not None:
            if invited:
                async with self._db.write() as tx:
                    await self._invitations.accept_all(tx, known, address)
            return known
        if not invited and (role is None or site_id is None):
            raise NotAllowed(UNKNOWN, code="no_account")
        made = await self._agents.prepare(
            email=wanted,
            name=name.strip()[:120] or wanted.partition("@")[0],
            password=secrets.token_urlsafe(32),  # nobody knows it; "forgot your password" gives them one
            operator=False,
        )
        try:
            await self._join(made, site_id, role, address)
        except IntegrityError:  # the same person in another window, at the same moment
            async with self._db.read() as tx:
                known = await _known(tx, wanted)
            if known is None:
                raise
            return known
        return view_of(made)

    async def _join(self, made: Agent, site_id: str | None, role: Role | None, address: str) -> None:
        """Write the agent, with what the invitations say; where there is none, with the newcomers' role.

        Raises NotAllowed, and writes nothing, where the last invitation was taken back at this moment.
        """
        async with self._db.write() as tx:
            tx.add(made)
            await tx.flush()
            if await self._invitations.accept_all(tx, view_of(made), address):
                return
            if role is None or site_id is None:
                raise NotAllowed(UNKNOWN, code="no_account")
            await grant(tx, self._sessions, agent_id=made.id, site_id=site_id, role=role)
            actor = Actor("agent", made.id, made.name, address)
            await record(
                tx, self._clock(), actor, "people.joined", site_id=site_id, target_id=made.id,
                target_name=made.name, changes={"role": (None, role)},
            )  # fmt: skip

    async def _default_site(self, tx: Tx) -> str | None:
        key = self._settings.oidc_default_site
        query = select(Site.id).where(Site.key == key) if key else select(Site.id)
        found: list[str] = list(await tx.scalars(query.limit(2)))
        return found[0] if len(found) == 1 else None

    def _endpoint(self, service: dict[str, Any], name: str) -> str:
        url = service.get(name)
        if not isinstance(url, str):
            raise Unavailable(BROKEN, code="oidc_failed")
        return url

    async def _json(
        self, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """An object that the service gives. Raises Unavailable for anything else."""
        try:
            if body is None:
                answer = await self._outbound.get(url, limit=ANSWER_BYTES, seconds=SECONDS)
            else:
                answer = await self._outbound.post(
                    url, body, headers=headers or {}, limit=ANSWER_BYTES, seconds=SECONDS
                )
            found = json.loads(answer.body) if answer.status == 200 else None
        except (MinideskError, ValueError) as error:
            raise Unavailable(BROKEN, code="oidc_failed") from error
        if not isinstance(found, dict):
            raise Unavailable(BROKEN, code="oidc_failed")
        return found


async def _known(tx: Tx, email: str) -> AgentView | None:
    """The agent with this address. Raises `NotAllowed` for one who is suspended."""
    row = await tx.scalar(select(Agent).where(Agent.email == email))
    if row is not None and row.disabled_at is not None:
        raise NotAllowed(UNKNOWN, code="no_account")
    return None if row is None else view_of(row)
