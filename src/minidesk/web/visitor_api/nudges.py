"""What a site's launcher says by itself: the rules for the browser, and which sites the loader must ask for some."""

import hashlib
import json
import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from minidesk.db import Database
from minidesk.errors import MinideskError
from minidesk.sites import SiteView, keys_with_nudges, parse_nudge
from minidesk.text.locale import Texts

log = logging.getLogger(__name__)

PLACE = b"%nudges%"  # in the loader; empty where no site has rules
# The loader is the most asked-for file of all: not each of its requests may read all sites. Browsers keep it for five
# minutes in any case.
KEPT = timedelta(seconds=30)
END_CHARS = 4  # of a key: enough to tell sites apart; a site that is asked for in vain has no rules to give
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


class NudgedSites:
    """The ends of the keys of sites with rules, as they stand in the loader."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock
        self._read_at: datetime | None = None
        self._ends = b""

    async def fill(self, loader: bytes) -> bytes:
        """The loader for today's sites."""
        now = self._clock()
        if self._read_at is None or now - self._read_at >= KEPT:
            self._read_at = now
            try:
                async with self._db.read() as tx:
                    keys = await keys_with_nudges(tx)
            except (MinideskError, SQLAlchemyError) as error:
                # The launcher stands on other people's pages: it comes, with what was known last, also without a database.
                log.warning("the launcher's rules could not be read: %s", type(error).__name__)
                return loader.replace(PLACE, self._ends)
            # The keys are the operator's: nothing but letters may come into a script.
            self._ends = ",".join(key[-END_CHARS:] for key in keys if _PLAIN.fullmatch(key)).encode()
        return loader.replace(PLACE, self._ends)


def nudge_script(built: bytes, site: SiteView, texts: Texts, locale: str) -> bytes:
    """The script for a site's pages: its rules, and what draws them. Without rules, nothing."""
    if not site.config.nudges:
        return b""
    rules = []
    for n, line in enumerate(site.config.nudges):
        rule = parse_nudge(line)
        # A changed text is another message, which may be shown to who has seen the old one.
        id = hashlib.sha256(f"{rule.page}|{rule.text}".encode()).hexdigest()[:8]
        rules.append({"id": id, "n": n, "page": rule.page, "seconds": rule.seconds, "percent": rule.percent, "text": rule.text})  # fmt: skip
    told = {
        "key": site.key,
        "label": texts.t("nudge.label", locale, site=site.name),
        "close": texts.t("nudge.close", locale),
        "rules": rules,
    }
    return f"const minideskNudges={json.dumps(told)};\n".encode() + built
