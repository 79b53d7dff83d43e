"""Who looks at a conversation, and who writes in it."""

from tests.conftest import FakeClock

from minidesk.live import AgentHere, AgentsHere


def test_others_are_here_while_a_page_of_theirs_is_open(clock: FakeClock) -> None:
    here = AgentsHere()
    with (
        here.viewing("cnv", "ada", "Ada"),
        here.viewing("cnv", "ben", "Ben"),
        here.viewing("cnv", "ben", "Ben"),
    ):
        assert here.others("cnv", "ada", clock()) == (AgentHere("Ben", writing=False),)
        assert here.others("other", "ada", clock()) == ()
        here.wrote("cnv", "ben", clock())
        assert here.others("cnv", "ada", clock()) == (AgentHere("Ben", writing=True),)
        assert here.others("cnv", "ben", clock()) == (
            AgentHere("Ada", writing=False),
        )  # nobody is told of oneself
    assert here.others("cnv", "ada", clock()) == ()


def test_writing_ends_by_sending_by_time_and_by_leaving(clock: FakeClock) -> None:
    here = AgentsHere()
    writes, reads = (AgentHere("Ben", writing=True),), (AgentHere("Ben", writing=False),)
    here.wrote("cnv", "ben", clock())  # without a page nothing would ever take it away
    with here.viewing("cnv", "ben", "Ben"):
        assert here.others("cnv", "ada", clock()) == reads
        here.wrote("cnv", "ben", clock())
        clock.advance(seconds=11)
        assert here.others("cnv", "ada", clock()) == writes
        clock.advance(seconds=1)
        assert here.others("cnv", "ada", clock()) == reads
        here.wrote("cnv", "ben", clock())
        here.sent("cnv", "ben")
        assert here.others("cnv", "ada", clock()) == reads
        here.wrote("cnv", "ben", clock())
    with here.viewing("cnv", "ben", "Ben"):
        assert here.others("cnv", "ada", clock()) == reads
