"""Sentences: where they end, and that no text makes finding them slow."""

import random
import time

import pytest

from minidesk.text.words import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We ship daily. Orders before noon go out at once!", ["We ship daily.", "Orders before noon go out at once!"]),
        ('He said "maybe." Then he left...  Why?', ['He said "maybe."', "Then he left...", "Why?"]),
        ("It costs approx. 4.90 a piece.", ["It costs approx. 4.90 a piece."]),
        ("You need:\n- a card\n2. a phone", ["You need:", "- a card", "2. a phone"]),
        ("First line\n \n  1) one\n\n\nLast", ["First line", "1) one", "Last"]),
        ("Wait?!… Yes. . Done", ["Wait?!…", "Yes.", ".", "Done"]),
        ("...", ["..."]),
        ("Only U.S. cards work. Not outside the U.S. Why?", ["Only U.S. cards work.", "Not outside the U.S.", "Why?"]),
    ],
)  # fmt: skip
def test_sentences(text: str, expected: list[str]) -> None:
    found = sentences(text)
    assert [span.text for span in found] == expected
    assert all(text[span.start : span.end] == span.text for span in found)


def test_nothing_is_lost_between_sentences() -> None:
    signs = "a1 .!?…\n:-\"')"
    for seed in range(300):
        text = "".join(random.Random(seed).choices(signs, k=60))
        joined = "".join(span.text for span in sentences(text))
        assert "".join(joined.split()) == "".join(text.split())


@pytest.mark.parametrize("piece", [".", "!", "…", ".'", "\n ", " \n", ":\n", "\n1", "\n- ", '"'])
def test_time_grows_with_the_text_and_not_with_its_square(piece: str) -> None:
    def seconds(count: int) -> float:
        text = "x" + piece * count + "x"
        start = time.process_time()
        sentences(text)
        return time.process_time() - start

    few = min(seconds(2_000) for _ in range(3))
    many = min(seconds(40_000) for _ in range(2))
    # Twenty times the text: linear is 20, quadratic 400. The millisecond is the clock's own noise.
    assert many < 100 * max(few, 0.001)
