"""The rules of what a launcher says by itself."""

import pytest

from minidesk.errors import Invalid
from minidesk.sites import Nudge, parse_nudge


def test_a_rule_is_read() -> None:
    assert parse_nudge("/boots/* | 20 | 50 | Which size | or width?") == Nudge(
        "/boots/*", 20, 50, "Which size | or width?"
    )
    assert parse_nudge("https://shop.example.com/|0|0|Hi").page == "https://shop.example.com/"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/ | 20 | Hi", "page, seconds, percent and the text"),
        ("boots | 20 | 0 | Hi", "Begin with a path"),
        ("javascript:x | 20 | 0 | Hi", "Begin with a path"),
        ("/ | x | 0 | Hi", "seconds as a whole number from 0 to 3600"),
        ("/ | ٣ | 0 | Hi", "seconds as a whole number"),
        ("/ | 3601 | 0 | Hi", "0 to 3600"),
        ("/ | 1 | 101 | Hi", "percent as a whole number from 0 to 100"),
        ("/ | 1 | 1 | ", "text of up to 300"),
        ("/ | 1 | 1 | " + "x" * 301, "text of up to 300"),
    ],
)
def test_a_wrong_rule_says_how_to_write_it(line: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        parse_nudge(line)
