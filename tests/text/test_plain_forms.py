"""Letters that only look different."""

import pytest

from minidesk.text.plain_forms import plain_forms


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ＫＡＲＷＥＮＤＥＬ ＧＴＸ price", "KARWENDEL GTX price"),
        ("it ﬁts", "it fits"),
        ("ﾃﾞﾝﾜ", "デンワ"),
        ("𝐇𝐞𝐥𝐥𝐨 １２", "Hello 12"),
        ("10² m, ½ €, … №", "10² m, ½ €, … №"),  # these mean something else
        ("Größe", "Größe"),
        ("", ""),
    ],
)
def test_forms(text: str, plain: str) -> None:
    assert plain_forms(text) == plain
