"""Private facts are hidden, and come back, however a stream is cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidesk.errors import Invalid
from minidesk.text.redact import Redaction, find_private, id_pattern

ALL = (
    "Mail ada.lovelace+shop@example.co.uk or call +43 660 1234567, card 4111 1111 1111 1111, "
    "IBAN AT61 1904 3002 3457 3201, member AG-48213."
)


def test_every_kind_is_found_where_it_stands() -> None:
    spans = find_private(ALL, patterns=[id_pattern("AG-#####")])
    assert [(span.kind, ALL[span.start : span.end]) for span in spans] == [
        ("email", "ada.lovelace+shop@example.co.uk"),
        ("phone", "+43 660 1234567"),
        ("card", "4111 1111 1111 1111"),
        ("iban", "AT61 1904 3002 3457 3201"),
        ("id", "AG-48213"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Is there a 30-day return window from 2026-03-02 to 2026-04-01?",
        "It costs €1,249.90 and weighs 1 240 g, size 42.",
        "Card 4111 1111 1111 1112 fails the check digit.",
        "AT61 1904 3002 3457 3202 is no IBAN.",
        "Model LZ-2000 holds 2 people @ night",
        "Opening hours 09:00-17:00, 1010 Wien",
    ],
)
def test_ordinary_numbers_stay(text: str) -> None:
    redaction = Redaction.of([text])
    assert redaction.hide(text) == text


def test_a_number_without_prefix_needs_the_country() -> None:
    text = "Ring me on 0660 1234567"
    assert find_private(text) == []
    assert [text[s.start : s.end] for s in find_private(text, country="AT")] == ["0660 1234567"]


def test_one_fact_has_one_token_in_every_text_and_its_own_tokens_are_left_alone() -> None:
    redaction = Redaction.of(
        ["I am a@example.com, not b@example.com. [email-1] means nothing", "a@example.com!"]
    )
    hidden = redaction.hide("From a@example.com to b@example.com; see [email-1]")
    assert hidden == "From [email-2] to [email-3]; see [email-1]"
    assert redaction.restore(hidden) == "From a@example.com to b@example.com; see [email-1]"
    assert redaction.restore("[phone-9]") == "[phone-9]"


@pytest.mark.parametrize("form", ["", "AG", "ABC-", "#" * 41, "@@@@"])
def test_a_form_that_names_no_digit_or_has_no_length_is_refused(form: str) -> None:
    with pytest.raises(Invalid, match="AG-#####"):
        id_pattern(form)


def test_a_form_is_no_regular_expression() -> None:
    assert id_pattern("(a+)+#").search("aaaa1") is None
    assert id_pattern("(a+)+#").search("x (a+)+7") is not None
    assert id_pattern("@@-##").search("zz-12") is not None
    assert id_pattern("@@-##").search("zz-123") is None


@given(
    st.lists(
        st.sampled_from(["[email-1]", "[phone-1]", "[", "[email", "text ", "]", "[id-7]", "[1]", "é"]),
        max_size=30,
    ),
    st.lists(st.integers(1, 5), min_size=1),
)
def test_a_stream_cut_anywhere_says_the_same_and_holds_back_little(
    pieces: list[str], cuts: list[int]
) -> None:
    redaction = Redaction.of(["a@example.com +43 660 1234567"])
    whole = "".join(pieces)
    restorer = redaction.restorer()
    out, at, turn = "", 0, 0
    while at < len(whole):
        size = cuts[turn % len(cuts)]
        out += restorer.feed(whole[at : at + size])
        at, turn = at + size, turn + 1
        so_far = redaction.restore(whole[:at])
        assert len(so_far) - len(out) <= len("[email-1]") or "example" in so_far[len(out) :]
    assert out + restorer.end() == redaction.restore(whole)
