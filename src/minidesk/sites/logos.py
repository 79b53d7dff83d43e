"""Where a site's logo is."""

import hashlib

from minidesk.sites.queries import SiteView


def logo_url(site: SiteView) -> str:
    """Its path; empty where there is none. Another logo is at another address, so that browsers may keep it."""
    logo = site.config.look.logo
    return f"/widget/{site.key}/logo/{hashlib.sha256(logo.encode()).hexdigest()[:12]}" if logo else ""
