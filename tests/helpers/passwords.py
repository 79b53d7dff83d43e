"""Passwords at no cost: the real ones take a tenth of a second of CPU each, and most tests sign somebody in."""

from argon2 import PasswordHasher

from minidesk.accounts import Passwords


def cheap_passwords() -> Passwords:
    """As in the product but for the work; `tests/accounts` tries the product's own."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
