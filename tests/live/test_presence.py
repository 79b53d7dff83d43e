"""Who is looking on."""

from tests.conftest import FakeClock

from minidesk.live import Presence, presence


def test_until_when_everything_was_seen(clock: FakeClock) -> None:
    who = Presence(clock)
    assert who.seen_until("a") is None
    with who.here("a"):
        clock.advance(seconds=5)
        with who.here("a"):  # a second tab
            pass
        clock.advance(seconds=5)
        assert who.seen_until("a") == clock()
        assert who.seen_until("b") is None
    left = clock()
    clock.advance(seconds=5)
    assert who.seen_until("a") == left


def test_it_forgets_who_left_first(clock: FakeClock) -> None:
    who = Presence(clock)
    for n in range(presence.REMEMBERED + 1):
        with who.here(str(n)):
            pass
    assert who.seen_until("0") is None
    assert who.seen_until("1") == clock()
    assert not who._open
