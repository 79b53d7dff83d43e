"""The one HTTP client for addresses that others name: pages to crawl, webhooks."""

from minidesk.outbound.addresses import Address, Allowed, check_address, join_address
from minidesk.outbound.client import Answer, Outbound, gunzip

__all__ = ["Address", "Allowed", "Answer", "Outbound", "check_address", "gunzip", "join_address"]
