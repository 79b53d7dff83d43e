"""The ways into the console beside the password, in one hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from minidesk.accounts.agents import Agents
from minidesk.accounts.invitations import Invitations
from minidesk.accounts.resets import PasswordResets
from minidesk.accounts.sealing import Sealer
from minidesk.accounts.second_factor import SecondFactors
from minidesk.accounts.sessions import Sessions
from minidesk.accounts.steps import DoorSteps
from minidesk.db import Database


@dataclass(frozen=True, slots=True)
class Doors:
    """What the sign-in, the account and the people's pages call."""

    invitations: Invitations
    resets: PasswordResets
    factors: SecondFactors
    steps: DoorSteps


def build_doors(
    db: Database, sealer: Sealer, agents: Agents, sessions: Sessions, clock: Callable[[], datetime]
) -> Doors:
    """All of them."""
    return Doors(
        Invitations(db, agents, sessions, clock),
        PasswordResets(db, agents, sessions, clock),
        SecondFactors(sealer, clock),
        DoorSteps(clock),
    )
