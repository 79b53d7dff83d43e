"""A second factor: codes of an authenticator app (TOTP, RFC 6238), and ten codes for who lost it.

The secret is sealed at rest and shown only while the app is set up. A code is good once (RFC 6238, 5.2), and one step
of 30 s early or late (clocks differ; people type slowly).
"""

import hmac
import io
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, delete, func, or_, select, update

from minidesk.accounts.sealing import Sealer
from minidesk.accounts.sessions import hash_token
from minidesk.db import Tx
from minidesk.db.models import AccessRule, Agent, AgentSession, Membership, RecoveryCode, SecondFactor, new_id
from minidesk.errors import Conflict, Invalid, NotAllowed

STEP_SECONDS = 30
SKEW = (0, -1, 1)
CODES = 10
# Crockford's letters, as in the set-up code: nothing to misread from a sheet of paper. 16 of them are 80 bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_CHARS, CODE_GROUP = 16, 4
ISSUER = "minidesk"

WRONG = "This code is wrong or was used before. Wait for the next one in your app, or use a recovery code."
# Of the first code there is nothing else to take; most often the telephone's clock is wrong.
FIRST_WRONG = "This code is wrong. Type the next one that your app shows; if that is refused too, set your telephone's clock."


@dataclass(frozen=True, slots=True)
class FactorState:
    """How an agent stands. `required`: a site asks for it."""

    on: bool
    since: datetime | None
    codes_left: int
    required: bool


class SecondFactors:
    """Sets up, checks and takes off."""

    def __init__(self, sealer: Sealer, clock: Callable[[], datetime]) -> None:
        self._sealer = sealer
        self._clock = clock

    async def state(self, tx: Tx, agent_id: str) -> FactorState:
        """Whether there is one, and whether there has to be."""
        since = await tx.scalar(select(SecondFactor.confirmed_at).where(SecondFactor.agent_id == agent_id))
        left = await tx.scalar(
            select(func.count()).where(RecoveryCode.agent_id == agent_id, RecoveryCode.used_at.is_(None))
        )
        return FactorState(since is not None, since, left or 0, await is_required_of(tx, agent_id))

    async def begin(self, tx: Tx, agent_id: str) -> None:
        """A fresh secret, not in use before a code of it comes. Raises Conflict where there is a factor already."""
        row = await tx.scalar(select(SecondFactor).where(SecondFactor.agent_id == agent_id).with_for_update())
        if row is not None and row.confirmed_at is not None:
            raise Conflict("Your second factor is on already.", code="second_factor_on")
        await tx.execute(delete(SecondFactor).where(SecondFactor.agent_id == agent_id))
        sealed = self._sealer.seal(_new_secret(), agent_id)
        tx.add(
            SecondFactor(
                agent_id=agent_id, sealed=sealed, confirmed_at=None, last_step=0, created_at=self._clock()
            )
        )

    async def shown(self, tx: Tx, agent_id: str) -> tuple[str, str] | None:
        """The secret, and the agent's address, while it is being set up; None before and after."""
        found = await tx.execute(
            select(SecondFactor.sealed, Agent.email)
            .join(Agent, Agent.id == SecondFactor.agent_id)
            .where(SecondFactor.agent_id == agent_id, SecondFactor.confirmed_at.is_(None))
        )
        row = found.one_or_none()
        return None if row is None else (self._sealer.open(row.sealed, agent_id), row.email)

    async def confirm(self, tx: Tx, agent_id: str, code: str) -> list[str]:
        """Switch it on with a code of the app; the recovery codes, shown this once. Raises NotAllowed or Conflict."""
        row = await tx.scalar(select(SecondFactor).where(SecondFactor.agent_id == agent_id).with_for_update())
        if row is None or row.confirmed_at is not None:
            raise Conflict("Start the set-up again from the beginning.", code="second_factor_not_begun")
        step = self._step_of(self._sealer.open(row.sealed, agent_id), code)
        if step is None:
            raise NotAllowed(FIRST_WRONG, code="first_code_wrong")
        row.confirmed_at, row.last_step = self._clock(), step
        return await self.new_codes(tx, agent_id)

    async def check(self, tx: Tx, agent_id: str, code: str) -> None:
        """Take a code of the app or a recovery code; from then on it is over. Raises NotAllowed for any other."""
        typed = _typed(code)
        taken = await (
            self._take_recovery(tx, agent_id, typed)
            if len(typed) == CODE_CHARS
            else self._take_code(tx, agent_id, typed)
        )
        if not taken:
            raise NotAllowed(WRONG, code="code_wrong")

    async def new_codes(self, tx: Tx, agent_id: str) -> list[str]:
        """Ten fresh recovery codes; the older ones are over."""
        await tx.execute(delete(RecoveryCode).where(RecoveryCode.agent_id == agent_id))
        codes = ["".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS)) for _ in range(CODES)]
        tx.add_all(
            RecoveryCode(id=new_id("rec"), agent_id=agent_id, code_hash=hash_token(code), used_at=None)
            for code in codes
        )
        return [
            "-".join(code[n : n + CODE_GROUP] for n in range(0, CODE_CHARS, CODE_GROUP)) for code in codes
        ]

    async def remove(self, tx: Tx, agent_id: str) -> bool:
        """Take it off, its recovery codes too; whether there was one."""
        await tx.execute(delete(RecoveryCode).where(RecoveryCode.agent_id == agent_id))
        gone = await tx.execute(
            delete(SecondFactor).where(SecondFactor.agent_id == agent_id).returning(SecondFactor.confirmed_at)
        )
        return any(row.confirmed_at is not None for row in gone)

    async def _take_code(self, tx: Tx, agent_id: str, code: str) -> bool:
        sealed = await tx.scalar(
            select(SecondFactor.sealed).where(
                SecondFactor.agent_id == agent_id, SecondFactor.confirmed_at.is_not(None)
            )
        )
        step = None if sealed is None else self._step_of(self._sealer.open(sealed, agent_id), code)
        if step is None:
            return False
        # In the same statement: of two sign-ins with one code at once only one finds it unused.
        used = await tx.execute(
            update(SecondFactor)
            .where(SecondFactor.agent_id == agent_id, SecondFactor.last_step < step)
            .values(last_step=step)
            .returning(SecondFactor.agent_id)
        )
        return used.one_or_none() is not None

    async def _take_recovery(self, tx: Tx, agent_id: str, code: str) -> bool:
        used = await tx.execute(
            update(RecoveryCode)
            .where(
                RecoveryCode.agent_id == agent_id,
                RecoveryCode.code_hash == hash_token(code),
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=self._clock())
            .returning(RecoveryCode.id)
        )
        return used.one_or_none() is not None

    def _step_of(self, secret: str, code: str) -> int | None:
        """Which step of 30 s this is the code of, now or one beside it; compared in constant time."""
        import pyotp

        now, app = int(self._clock().timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
        found = [
            now + offset
            for offset in SKEW
            if hmac.compare_digest(app.generate_otp(now + offset).encode(), _typed(code).encode())
        ]
        return found[0] if found else None


async def is_required_of(tx: Tx, agent_id: str) -> bool:
    """Whether a site where the agent may work asks for a second factor; an operator may work in all."""
    found = await tx.scalar(
        select(AccessRule.site_id)
        .join(Agent, Agent.id == agent_id)
        .outerjoin(
            Membership, and_(Membership.site_id == AccessRule.site_id, Membership.agent_id == agent_id)
        )
        .where(AccessRule.second_factor.is_(True), or_(Agent.operator.is_(True), Membership.id.is_not(None)))
        .limit(1)
    )
    return found is not None


async def is_required_in(tx: Tx, site_id: str) -> bool:
    """Whether the site asks everybody for a second factor."""
    return bool(await tx.scalar(select(AccessRule.second_factor).where(AccessRule.site_id == site_id)))


async def require_in(tx: Tx, site_id: str, *, on: bool, by: str) -> bool:
    """Ask everybody in the site for a second factor, or not; whether that is new.

    Whoever has none is signed out, and sets one up at the next sign-in. Raises Conflict for an administrator who has
    none: the first to be locked out would be the one who switched it on.
    """
    if on and await tx.scalar(_factor_of(by)) is None:
        raise Conflict(
            "Switch on your own second factor first, under Your account.", code="own_second_factor_first"
        )
    held = await tx.scalar(select(AccessRule).where(AccessRule.site_id == site_id).with_for_update())
    if (held is not None and held.second_factor) == on:
        return False
    if held is None:
        tx.add(AccessRule(site_id=site_id, second_factor=on))
    else:
        held.second_factor = on
    if on:
        members = select(Membership.agent_id).where(Membership.site_id == site_id)
        operators = select(Agent.id).where(Agent.operator.is_(True))
        have = select(SecondFactor.agent_id).where(SecondFactor.confirmed_at.is_not(None))
        await tx.execute(
            delete(AgentSession).where(
                or_(AgentSession.agent_id.in_(members), AgentSession.agent_id.in_(operators)),
                AgentSession.agent_id.not_in(have),
            )
        )
    return True


async def end_without_factor(tx: Tx, agent_id: str, site_id: str) -> None:
    """Sign out who came into a site that asks for a second factor and has none."""
    if await is_required_in(tx, site_id) and await tx.scalar(_factor_of(agent_id)) is None:
        await tx.execute(delete(AgentSession).where(AgentSession.agent_id == agent_id))


def address_for_app(secret: str, email: str) -> str:
    """What the QR code says: the `otpauth` address that apps read."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def qr_svg(text: str) -> str:
    """A QR code as SVG that stands in a page: black on white in either colour scheme, or cameras do not see it."""
    import segno

    drawn = io.BytesIO()
    segno.make_qr(text, error="m").save(
        drawn, kind="svg", scale=5, border=4, light="#fff", dark="#000", xmldecl=False, svgns=False, nl=False,
        svgclass="qr", lineclass=None, omitsize=True,
    )  # fmt: skip
    return drawn.getvalue().decode()


def check_code_form(code: str) -> str:
    """The code as it counts. Raises Invalid for what cannot be one, so that it costs no try."""
    typed = _typed(code)
    if len(typed) == CODE_CHARS or (len(typed) == 6 and typed.isdigit()):
        return typed
    raise Invalid(
        "Type the six digits that your app shows, or a recovery code of sixteen signs.", code="code_malformed"
    )


def _factor_of(agent_id: str) -> Select[str]:
    return select(SecondFactor.agent_id).where(
        SecondFactor.agent_id == agent_id, SecondFactor.confirmed_at.is_not(None)
    )


def _new_secret() -> str:
    """160 bits, what RFC 4226 recommends, in the letters that apps take."""
    import pyotp

    return pyotp.random_base32(32)


def _typed(code: str) -> str:
    """Spaces, dashes and case do not count."""
    return "".join(c for c in code.upper()[:100] if c in ALPHABET)
