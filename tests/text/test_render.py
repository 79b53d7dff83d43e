"""The one renderer: nothing that acts, loads or leads elsewhere comes out of it."""

import re
import time

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidesk.text.render import TAGS, render_markdown

HOSTS = ["shop.example.com"]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("hi **you**\nagain", "<p>hi <strong>you</strong><br>\nagain</p>"),
        ("![a cat](https://shop.example.com/x.png)", "<p>a cat</p>"),
        ("[c](https://evil.example/?d=secret)", "<p>c</p>"),
        ("<https://evil.example/p?d=secret>", "<p>https://evil.example/p</p>"),
        ("[r][1]\n\n[1]: https://evil.example/?q=s", "<p>r</p>"),
        ("&#xE0041;&#x202E;x", "<p>x</p>"),
        ("<b>bold</b>", "<p>&lt;b&gt;bold&lt;/b&gt;</p>"),
        ("a\ud800\0b", "<p>a�b</p>"),
        ("3. x\n4. y", '<ol start="3">\n<li>x</li>\n<li>y</li>\n</ol>'),
        ("", ""),
    ],
)
def test_what_comes_out(text: str, html: str) -> None:
    assert render_markdown(text, link_hosts=HOSTS) == html


def links(html: str) -> list[str]:
    return [str(a.get("href")) for a in lxml.html.fragment_fromstring(html, "div").iter("a")]


@pytest.mark.parametrize("href", ["https://shop.example.com/a?b=1#c", "https://SHOP.example.com", "https://shop.example.com:8443/x", "mailto:help@shop.example.com"])  # fmt: skip
def test_links_to_known_hosts_stay(href: str) -> None:
    html = render_markdown(f"[c]({href})", link_hosts=HOSTS)
    assert links(html) == [href]
    assert 'target="_blank"' in html
    assert 'rel="noopener noreferrer nofollow ugc"' in html


@pytest.mark.parametrize(
    "href",
    [
        "http://shop.example.com", "https://shop.example.com.evil.example", "https://evil-shop.example.com", "https://shop.example.com@evil.example/",
        "https:\\\\shop.example.com", "https:/shop.example.com", "//shop.example.com", "/path", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
        "data:image/png;base64,x", "vbscript:x", "file:///etc/passwd", "https://shop.example.com%2eevil.example/", "https://shop.example.com\\.evil.example",
        "mailto:a@b.example?body=secret", "https://shop.example.com.", "https://xn--shp-0na.example.com", "tel:+431", "https://shop.example.com:99999999/",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "form", ["[c]({})", "[c](<{}>)", "<{}>", "[c][1]\n\n[1]: {}", "![c]({})", "[![c](x)]({})"]
)
def test_no_other_link_survives_in_any_form(href: str, form: str) -> None:
    html = render_markdown(form.format(href), link_hosts=HOSTS)
    assert links(html) == []
    assert "src=" not in html


@given(
    st.text(
        alphabet=st.sampled_from(list("[]()<>!&#x;:\"'/\\*_`~|-\n abhtps=onerrorimgscriptshop.example.com")),
        max_size=200,
    )
)
def test_only_allowed_tags_whatever_the_text(text: str) -> None:
    tree = lxml.html.fragment_fromstring(render_markdown(text, link_hosts=HOSTS), "div")
    for element in tree.iterdescendants():
        assert element.tag in TAGS
        assert set(element.attrib) <= {"href", "start", "target", "rel"}


@pytest.mark.parametrize("text", ["[" * 32_000, "![" * 16_000, "*a" * 16_000, "`" * 32_000, ">" * 32_000, "<" * 32_000, "[a](" * 8_000, "- " * 16_000, "|a" * 16_000, "e\u0301" * 16_000, "&" * 32_000, "_a_" * 10_000])  # fmt: skip
def test_the_longest_answer_is_rendered_in_time(text: str) -> None:
    start = time.thread_time()
    render_markdown(text)
    assert time.thread_time() - start < 3


def test_brackets_that_are_escaped_stay_so_however_many() -> None:
    """A second backslash set them free again: so many would take minutes."""
    assert render_markdown("\\[" * 60_000) == "<p>" + "[" * 60_000 + "</p>"
    assert render_markdown("\\\\[x](https://shop.example.com/)" * 600, link_hosts=HOSTS).count("<a") == 0


@given(
    st.text(
        alphabet=st.one_of(
            st.characters(categories=["L", "N", "M"]), st.sampled_from(list(" ,.;:?!'()/%-_*[]&<>\"1a\n"))
        ),
        max_size=60,
    )
)
def test_what_is_seen_to_be_plain_is_rendered_as_if_it_were_not(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minidesk.text.render._PLAIN", re.compile("(?!)"))
        whole = render_markdown(text)
    assert render_markdown(text) == whole
