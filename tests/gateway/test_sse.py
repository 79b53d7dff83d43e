"""Events from bytes: however the stream is split, the same events come out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidesk.errors import ModelBadResponse
from minidesk.gateway.sse import LINE_LIMIT, EventParser

STREAM = 'data: {"a":"grüß 🎉"}\r\n\r\n: ping\n\ndata:two\ndata: lines\n\nevent: x\nid: 7\nretry: 1\ndata: three\r\rdata: [DONE]\n\n'
EVENTS = ['{"a":"grüß 🎉"}', "two\nlines", "three", "[DONE]"]


@given(st.lists(st.integers(0, len(STREAM.encode())), max_size=12), st.booleans())
def test_any_split_gives_the_same_events(cuts: list[int], with_mark: bool) -> None:
    raw = (b"\xef\xbb\xbf" if with_mark else b"") + STREAM.encode()
    edges = [0, *sorted(min(c, len(raw)) for c in cuts), len(raw)]
    parser = EventParser()
    found = [event for a, b in pairwise(edges) for event in parser.feed(raw[a:b])]
    assert found + parser.close() == EVENTS


def test_an_event_without_its_last_empty_line_is_still_given_at_the_end() -> None:
    parser = EventParser()
    assert parser.feed(b"data: late") == []
    assert parser.close() == ["late"]


@pytest.mark.parametrize("raw", [b"data: " + b"x" * (LINE_LIMIT + 1), b"data: \xff\xfe\n\n"])
def test_an_endless_line_and_bad_utf8_are_refused(raw: bytes) -> None:
    with pytest.raises(ModelBadResponse):
        EventParser().feed(raw)
