"""Addresses without what they should not carry: a foreign one's query, the secrets of a visitor's own page."""

import time

import pytest

from minidesk.text.addresses import without_queries, without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See https://evil.example/a?d=x&y=z. Then", "See https://evil.example/a. Then"),
        ("(https://evil.example/?q) and http://evil.example#frag", "(https://evil.example/) and http://evil.example"),
        ("www.evil.example/x?y, or mailto:a@b.example?body=x!", "www.evil.example/x, or mailto:a@b.example!"),
        ("https://shop.example@evil.example/?q=1", "https://shop.example@evil.example/"),
        ("https://evil.example:8443/a?b=c?d=e", "https://evil.example:8443/a"),
        ("https://shop.example/a?b=1#c and HTTPS://SHOP.example?x=1", "https://shop.example/a?b=1#c and HTTPS://SHOP.example?x=1"),
        ("No? Yes, #3! See https://evil.example/a.", "No? Yes, #3! See https://evil.example/a."),
    ],
)  # fmt: skip
def test_a_foreign_address_is_shown_without_its_query(text: str, shown: str) -> None:
    assert without_queries(text, {"shop.example"}) == shown


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example/reset?token=abc&lang=de", "https://shop.example/reset?lang=de"),
        ("https://u:p@shop.example/a?PHPSESSID=1#access_token=5", "https://shop.example/a"),
        ("https://shop.example/reset/eyJhbGciOiJub25lIn0.e30.abc123", "https://shop.example/reset/…"),
        ("https://shop.example/?x=3f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c", "https://shop.example/"),
        ("https://shop.example/?q=boots&mail=a%40b.example&utm_source=mail", "https://shop.example/?q=boots&utm_source=mail"),
        ("https://shop.example/#/cart", "https://shop.example/#/cart"),
        ("https://shop.example/p/karwendel-gtx-boots-for-winter-2024?size=42&id=5#details", "https://shop.example/p/karwendel-gtx-boots-for-winter-2024?size=42&id=5#details"),
        ("https://shop.example/a?product_id=77&order=A20431", "https://shop.example/a?product_id=77&order=A20431"),
        ("http://[::1", None),
        ("https://shop.example:99999/", None),
    ],
)  # fmt: skip
def test_a_visitors_page_is_kept_without_what_opens_an_account(url: str, kept: str | None) -> None:
    assert without_secrets(url) == kept


@pytest.mark.parametrize(
    "text",
    ["https://a" * 2000, "www.?" * 4000, "?" * 9000, "mailto:a?" * 2000, f"http://{'a' * 9000}?{'b' * 9000}", f"https://a/?{'.' * 9000}"],
    ids=lambda text: text[:9],
)  # fmt: skip
def test_long_ones_hold_nobody_up(text: str) -> None:
    started = time.thread_time()
    without_queries(text, set())
    without_secrets(text)
    assert time.thread_time() - started < 0.5
