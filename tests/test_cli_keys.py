"""`minidesk keys`: made once, listed without the key, revoked by its id."""

import re
from pathlib import Path

from tests.helpers.commands import minidesk


def test_keys_are_added_listed_and_revoked(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = minidesk(
        data,
        *["keys", "add", "Shop", "--scope", "search", "--scope", "documents:write", "--expires-days", "30"],
    )
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert re.fullmatch(r"mdk_[A-Za-z0-9_-]{40}", key)
    listed = minidesk(data, "keys", "list").stdout
    assert key not in listed
    line = re.fullmatch(r"(apk_\w+)  (\S+)…  Shop  documents:write,search  active  never used\n", listed)
    assert line is not None, listed
    assert key.startswith(line[2])
    refused = minidesk(data, "keys", "add", "Shop", "--scope", "everything")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "documents:read, documents:write, search, ask" in refused.stderr
    assert minidesk(data, "keys", "revoke", "apk_0").returncode == 1
    done = minidesk(data, "keys", "revoke", line[1])
    assert (done.returncode, done.stdout) == (0, f"{line[1]} is revoked.\n")
    assert "revoked" in minidesk(data, "keys", "list").stdout
