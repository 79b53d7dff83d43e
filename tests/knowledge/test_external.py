"""Where the JSON of a caller's id is kept."""

from hypothesis import given
from hypothesis import strategies as st

from minidesk.files import clean_path
from minidesk.knowledge.external import entry_path


@given(st.text(min_size=1, max_size=400), st.text(min_size=1, max_size=400))
def test_every_id_has_a_path_of_its_own_that_is_kept_as_it_is(one: str, other: str) -> None:
    one, other = (text.encode("utf-8", "replace").decode() for text in (one, other))
    path = entry_path(one)
    assert clean_path(path) == path, "Sources would keep it under another, and no later request would find it"
    assert path.endswith(".jsonl")
    assert path.startswith("api/")
    assert len(path) < 130
    assert (entry_path(other) == path) is (one == other)
