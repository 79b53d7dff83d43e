"""Where an answer to our mail goes: a plus-address with a token that names the mail and that nobody else can write.

`reply+<mail><signature>@desk.example.com`. Mail servers may change the case of an address, so it is lower case throughout;
the part before the @ may have 64 characters (RFC 5321, 4.5.3.1.1).
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

LOCAL_CHARS = 16  # what the settings leave to the name before the plus
_MAIL = 31  # hexadecimal digits of a mail's id, behind `eml_`
_SIGNED = (
    16  # 64 bits: whoever guesses has to send us each guess, and must know a mail's id of 80 random bits too
)
_TOKEN = re.compile(
    rf"[^\s@<>+]{{1,{LOCAL_CHARS}}}\+(?P<mail>[0-9a-f]{{{_MAIL}}})(?P<mac>[0-9a-f]{{{_SIGNED}}})@",
    re.IGNORECASE,
)


class ReplyAddress:
    """Writes and reads these addresses."""

    def __init__(self, address: str, key: bytes) -> None:
        """`address`: what the operator's mail server hands to us, plus-addresses included; `key`: the desk's secret."""
        self._local, _, self._domain = address.lower().partition("@")
        self._key = key

    def of(self, mail_id: str) -> str:
        """The address in a mail's Reply-To."""
        mail = mail_id.removeprefix("eml_")
        return f"{self._local}+{mail}{self._mac(mail)}@{self._domain}"

    def mail_of(self, addresses: Iterable[str]) -> str | None:
        """The id of the mail that one of these addresses answers; None where none of them is ours."""
        for address in addresses:
            found = _TOKEN.search(address)
            if found is None:
                continue
            mail = found["mail"].lower()
            if hmac.compare_digest(self._mac(mail), found["mac"].lower()):
                return f"eml_{mail}"
        return None

    def _mac(self, mail: str) -> str:
        return hmac.new(self._key, b"minidesk reply-to " + mail.encode(), hashlib.sha256).hexdigest()[
            :_SIGNED
        ]
