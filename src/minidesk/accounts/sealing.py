"""Seals what must be read again (secrets of second factors, identity keys, webhooks) with a key that is not in the database.

AES-256-GCM. The place where a sealed text belongs is authenticated with it: moved to another row it does not open.
"""

import base64
import contextlib
import os
import secrets
from pathlib import Path

from minidesk.errors import Unavailable
from minidesk.settings import Settings

KEY_FILE = "secret.key"
KEY_BYTES = 32
SEALED = "1."  # what a sealed text begins with
NONCE_BYTES = 12  # what GCM is specified for (NIST SP 800-38D); random ones are safe for 2^32 texts a key


class CannotOpen(Unavailable):
    """It was sealed with another key, or is damaged."""

    code = "sealed_with_another_key"
    default = (
        "This server has lost the key to your authenticator app. Use a recovery code, or ask an administrator "
        "to take the second factor off."
    )


class Sealer:
    """Holds the key."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 random bytes."""
        self._key = key

    def seal(self, text: str, place: str) -> str:
        """`text`, unreadable; `place` says whose it is."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._key).encrypt(nonce, text.encode(), place.encode())
        return SEALED + base64.urlsafe_b64encode(nonce + sealed).decode()

    def is_sealed(self, text: str) -> bool:
        """Whether it is a sealed text, and not one that was kept before such texts were sealed; no secret has a full stop."""
        return text.startswith(SEALED)

    def read(self, kept: str, place: str) -> str | None:
        """A secret of a row, which may be older than sealing; None where it was sealed with a key that is lost."""
        if not self.is_sealed(kept):
            return kept
        try:
            return self.open(kept, place)
        except CannotOpen:
            return None

    def open(self, sealed: str, place: str) -> str:
        """What was sealed for `place`. Raises CannotOpen."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(SEALED))
            return AESGCM(self._key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise CannotOpen from error


def open_sealer(settings: Settings) -> Sealer:
    """With MINIDESK_SECRET_KEY, or else the data folder's own key, made once."""
    given = settings.secret_key.get_secret_value()
    return Sealer(bytes.fromhex(given) if given else _key_of(settings.data_dir / KEY_FILE))


def _key_of(path: Path) -> bytes:
    """The file's key. Linked into place whole: of two starts at once one makes it, and both use that one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return bytes.fromhex(path.read_text(encoding="ascii").strip())
