"""An agent's day: macros, putting off, merging, spam, mentions, and answers that were wrong."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from tests.desk import Desk, part
from tests.rows import add_agent, add_conversation, add_team

from minidesk.accounts import list_people
from minidesk.conversations import AnswerEnd
from minidesk.db.models import Conversation, Correction, Membership, Message, Ticket, Visitor
from minidesk.errors import Conflict, Invalid, NotAllowed, NotFound
from minidesk.sites import OpeningHours, SiteConfig
from minidesk.tickets import (
    Does,
    TicketView,
    block_writer,
    canned_for,
    check_not_blocked,
    check_seen,
    close_correction,
    correct_answer,
    create_canned,
    follow_up,
    inbox,
    inbox_counts,
    list_blocks,
    list_canned,
    list_corrections,
    mark_spam,
    merge_tickets,
    mergeable,
    not_spam,
    note_mentions,
    propose_article,
    read_mentions,
    run_macro,
    snooze,
    tags_of,
    ticket_detail,
    time_of,
    unblock,
    unread_mentions,
    wake,
)
from minidesk.tickets.mentions import named_in


async def handed_off(desk: Desk, words: str = "Where is my parcel? Order 20431") -> TicketView:
    """A ticket in the queue."""
    await desk.say(words)
    return await desk.handoff.hand_off(desk.conversation.id, "customer_request")


async def shown(desk: Desk, view: str) -> list[str]:
    """The conversations of a view, as Mara sees it."""
    async with desk.db.read() as tx:
        lines = await inbox(tx, site_id=desk.conversation.site_id, agent_id=desk.mara.id, view=view)  # type: ignore[arg-type]
    return [line.conversation_id for line in lines]


async def make_editor(desk: Desk) -> None:
    """Mara may write saved replies."""
    async with desk.db.write() as tx:
        await tx.execute(update(Membership).where(Membership.agent_id == desk.mara.id).values(role="editor"))


# ---------------------------------------------------------------- macros


async def test_a_macro_says_and_does_all_of_it_once(desk: Desk) -> None:
    await make_editor(desk)
    team = await add_team(desk.db, desk.clock, desk.conversation.site_id, "Parcels")
    ticket = await handed_off(desk)
    does = Does(("late", "Late"), "solved", team.id, "high")
    site, mara = desk.conversation.site_id, desk.mara.id
    async with desk.db.write() as tx:
        await create_canned(
            tx,
            site,
            mara,
            name="Late",
            text="Sorry, #{{ticket.number}}",
            own=False,
            now=desk.clock(),
            does=does,
        )
        await create_canned(
            tx, site, mara, name="Wait", text="", own=False, now=desk.clock(), does=Does(status="pending")
        )
    async with desk.db.read() as tx:
        choices = {each.name: each for each in await canned_for(tx, desk.conversation, mara)}
        assert [each.does.tags for each in await list_canned(tx, site, mara)] == [("Late",), ()]
    late = choices["Late"]
    for _ in range(2):  # a double press
        async with desk.db.write() as tx:
            await run_macro(
                tx,
                desk.tickets,
                ticket.id,
                agent_id=mara,
                text=late.filled.text,
                does=late.does,
                client_id="c1",
            )
    async with desk.db.read() as tx:
        now = await ticket_detail(tx, ticket.id)
        assert (now.status, now.team_id, now.priority, now.assignee_id) == ("solved", team.id, "high", mara)
        assert (await tags_of(tx, [ticket.id]))[ticket.id] == ("Late",)
    assert [m.text for m in await desk.messages() if m.author == "agent"] == ["Sorry, #1"]


@pytest.mark.parametrize(
    ("does", "text", "code"),
    [
        (Does(status="closed"), "x", "macro_invalid"),
        (Does(team_id="tem_gone"), "x", "invalid_team"),
        (Does(priority="huge"), "x", "invalid_priority"),  # type: ignore[arg-type]
        (Does(tags=("a,b",)), "x", "tag_invalid"),
        (Does(), "", "canned_text_invalid"),
    ],
)
async def test_what_cannot_be_a_macro(desk: Desk, does: Does, text: str, code: str) -> None:
    await make_editor(desk)
    async with desk.db.write() as tx:
        with pytest.raises(Invalid) as refused:
            await create_canned(
                tx,
                desk.conversation.site_id,
                desk.mara.id,
                name="M",
                text=text,
                own=False,
                now=desk.clock(),
                does=does,
            )
    assert refused.value.code == code


async def test_a_macro_whose_text_has_a_gap_does_nothing(desk: Desk) -> None:
    ticket = await handed_off(desk)
    with pytest.raises(Invalid):
        async with desk.db.write() as tx:
            await run_macro(
                tx, desk.tickets, ticket.id, agent_id=desk.mara.id, text="Hi {{visitor.name}}",
                does=Does(("x",), "solved"), client_id="c1",
            )  # fmt: skip
    assert (await desk.all_tickets())[0].status == "open"


# ---------------------------------------------------------------- putting off


def test_when_a_ticket_comes_back() -> None:
    now = datetime(2026, 3, 6, 22, 30, tzinfo=UTC)  # a Friday; in Vienna it is 23:30
    vienna = SiteConfig(hours=OpeningHours(time_zone="Europe/Vienna"))
    assert time_of("later", "", vienna, now) == now + timedelta(hours=3)
    assert time_of("tomorrow", "", vienna, now) == datetime(2026, 3, 7, 8, tzinfo=UTC)
    assert time_of("monday", "", vienna, now) == datetime(2026, 3, 9, 8, tzinfo=UTC)
    assert time_of("day", "2026-04-01", vienna, now) == datetime(2026, 4, 1, 7, tzinfo=UTC)  # summer time
    assert time_of("tomorrow", "", SiteConfig(), now) == datetime(2026, 3, 7, 9, tzinfo=UTC)
    for choice, day in (
        ("day", "2026-03-05"),
        ("day", "2028-01-01"),
        ("day", "x"),
        ("day", ""),
        ("never", ""),
    ):
        with pytest.raises(Invalid):
            time_of(choice, day, vienna, now)


async def test_what_is_put_off_is_out_of_sight_until_its_time(desk: Desk) -> None:
    ticket = await handed_off(desk)
    async with desk.db.write() as tx:
        await tx.execute(update(Ticket).values(responded_at=desk.clock()))
        await snooze(tx, desk.tickets, ticket.id, desk.mara.id, desk.clock() + timedelta(hours=3))
    assert await shown(desk, "all") == await shown(desk, "unassigned") == []
    assert await shown(desk, "snoozed") == [desk.conversation.id]
    async with desk.db.read() as tx:
        counts = await inbox_counts(
            tx, site_id=desk.conversation.site_id, agent_id=desk.mara.id, now=desk.clock()
        )
    assert (counts.all, counts.snoozed) == (0, 1)
    desk.clock.advance(hours=2)
    assert await desk.tending.look() == 0
    desk.clock.advance(hours=1)
    assert await desk.tending.look() == 1
    assert await desk.tending.look() == 0
    assert await shown(desk, "all") == [desk.conversation.id]
    assert (await desk.all_tickets())[0].back_at == desk.clock()
    async with desk.db.write() as tx:
        await desk.tickets.reply(tx, ticket.id, agent_id=desk.mara.id, text="Here I am")
    assert (await desk.all_tickets())[0].back_at is None


async def test_the_visitor_and_an_agent_bring_it_back_before(desk: Desk) -> None:
    ticket = await handed_off(desk)
    until = desk.clock() + timedelta(days=3)
    async with desk.db.write() as tx:
        await snooze(tx, desk.tickets, ticket.id, desk.mara.id, until)
    await desk.say("Hello?")
    assert await shown(desk, "all") == [desk.conversation.id]
    async with desk.db.write() as tx:
        await snooze(tx, desk.tickets, ticket.id, desk.mara.id, until)
        await wake(tx, desk.tickets, ticket.id, desk.jonas.id)
    assert await shown(desk, "all") == [desk.conversation.id]
    stranger = await add_agent(desk.db, desk.clock, None)
    async with desk.db.write() as tx:
        with pytest.raises(NotFound):
            await snooze(tx, desk.tickets, ticket.id, stranger.id, until)
        await desk.tickets.set_status(tx, ticket.id, "solved")
        with pytest.raises(Conflict):
            await snooze(tx, desk.tickets, ticket.id, desk.mara.id, until)


async def test_a_day_to_look_again_marks_what_is_in_sight(desk: Desk) -> None:
    ticket = await handed_off(desk)
    async with desk.db.write() as tx:
        await tx.execute(update(Ticket).values(responded_at=desk.clock()))
        await desk.tickets.set_status(tx, ticket.id, "pending")
        await follow_up(tx, desk.tickets, ticket.id, desk.mara.id, desk.clock() + timedelta(days=1))
    assert await shown(desk, "all") == [desk.conversation.id]
    desk.clock.advance(days=1)
    assert await desk.tending.look() == 1
    now = (await desk.all_tickets())[0]
    assert (now.status, now.follow_up_at, now.back_at) == ("open", None, desk.clock())


# ---------------------------------------------------------------- two agents


async def test_an_answer_that_one_has_not_seen_is_not_answered_over(desk: Desk) -> None:
    ticket = await handed_off(desk)
    async with desk.db.write() as tx:
        posted = await desk.tickets.reply(tx, ticket.id, agent_id=desk.jonas.id, text="Hello")
        seq = posted.message.seq
        await check_seen(tx, desk.conversation.id, desk.mara.id, seq)
        await check_seen(tx, desk.conversation.id, desk.jonas.id, 0)  # one's own is no news
        with pytest.raises(Conflict) as refused:
            await check_seen(tx, desk.conversation.id, desk.mara.id, seq - 1)
    assert (refused.value.code, "Jonas Weber" in refused.value.message) == ("answered_meanwhile", True)


# ---------------------------------------------------------------- merging


async def test_two_tickets_of_one_visitor_become_one(desk: Desk) -> None:
    first = await handed_off(desk)
    row = await desk.row()
    other = await add_conversation(desk.db, desk.clock, row.site_id, row.visitor_id)
    elsewhere = await add_conversation(desk.db, desk.clock, row.site_id)
    async with desk.db.write() as tx:
        for conversation, words in ((other, "Again: order 20999"), (elsewhere, "Somebody else")):
            await desk.conversations.post_visitor_message(tx, conversation, client_id="c", text=words)
    second = await desk.handoff.hand_off(other.id, "customer_request")
    third = await desk.handoff.hand_off(elsewhere.id, "customer_request")
    mara = desk.mara.id

    async def merge(from_id: str, into_id: str) -> None:
        async with desk.db.write() as tx:
            await merge_tickets(
                tx,
                desk.tickets,
                desk.conversations,
                from_id=from_id,
                into_id=into_id,
                agent_id=mara,
                line="Goes on.",
            )

    async with desk.db.write() as tx:
        await desk.tickets.add_tag(tx, second.id, mara, "late")
        assert [number for _, number, _ in await mergeable(tx, row)] == [second.number]
    for into in (second.id, third.id):
        with pytest.raises(Conflict):
            await merge(second.id, into)
    with pytest.raises(NotFound):
        await merge(second.id, "tkt_gone")
    await merge(second.id, first.id)
    async with desk.db.read() as tx:
        closed, kept = await ticket_detail(tx, second.id), await ticket_detail(tx, first.id)
        assert (closed.status, closed.merged_into, kept.status) == ("closed", first.id, "open")
        assert {e.text for e in kept.entities if e.kind == "order"} == {"20431", "20999"}
        assert (await tags_of(tx, [first.id]))[first.id] == ("late",)
        assert (await tx.get_one(Conversation, other.id)).holder == "closed"
        last = await tx.scalar(
            select(Message.text)
            .where(Message.conversation_id == other.id, Message.author == "system")
            .order_by(Message.seq.desc())
        )
        assert last == "Goes on."
    note = (await desk.messages(include_notes=True))[-1]
    assert note.author == "note"
    assert "> Again: order 20999" in note.text
    with pytest.raises(Conflict):
        await merge(second.id, first.id)


# ---------------------------------------------------------------- spam


async def test_spam_leaves_the_inbox_and_can_come_back(desk: Desk) -> None:
    await handed_off(desk)
    async with desk.db.write() as tx:
        await mark_spam(
            tx, desk.tickets, desk.conversations, desk.conversation.id, desk.mara.id, desk.clock()
        )
    assert (await desk.all_tickets())[0].status == "closed"
    assert await shown(desk, "all") == await shown(desk, "solved") == await shown(desk, "assistant") == []
    async with desk.db.write() as tx:
        await not_spam(tx, desk.conversation.id, desk.mara.id)
    assert await shown(desk, "solved") == [desk.conversation.id]


async def test_who_is_promised_a_person_is_no_spam_any_more(desk: Desk) -> None:
    """Their ticket would stand where nobody looks."""
    async with desk.db.write() as tx:
        await mark_spam(
            tx, desk.tickets, desk.conversations, desk.conversation.id, desk.mara.id, desk.clock()
        )
    await desk.say("I do need help, please.")
    assert await shown(desk, "all") == []
    await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    assert await shown(desk, "all") == [desk.conversation.id]


async def test_who_is_blocked_cannot_write_and_all_of_theirs_goes(desk: Desk) -> None:
    await handed_off(desk)
    row = await desk.row()
    site, visitor = row.site_id, row.visitor_id
    other = await add_conversation(desk.db, desk.clock, site, visitor)
    namesake = await add_conversation(desk.db, desk.clock, site)
    async with desk.db.write() as tx:
        for id in (visitor, namesake.visitor_id):
            (await tx.get_one(Visitor, id)).email = "Ana@example.com"
        cleared = await block_writer(
            tx, desk.tickets, desk.conversations, row.id, desk.mara.id, ("visitor", "email"), desk.clock()
        )
        assert cleared == 2
    async with desk.db.write() as tx:
        assert (await tx.get_one(Conversation, other.id)).spam_at == desk.clock()
        for blocked in (visitor, namesake.visitor_id):
            with pytest.raises(NotAllowed) as refused:
                await check_not_blocked(tx, site, blocked)
            assert refused.value.code == "blocked"
        await check_not_blocked(tx, "ste_other", visitor)
        blocks = {each.kind: each for each in await list_blocks(tx, site)}
        assert blocks["email"].value == "ana@example.com"
        with pytest.raises(NotFound):
            await unblock(tx, "ste_other", blocks["visitor"].id)
        for each in blocks.values():
            await unblock(tx, site, each.id)
        await check_not_blocked(tx, site, visitor)
        assert (await tx.get_one(Conversation, other.id, populate_existing=True)).spam_at is None


# ---------------------------------------------------------------- mentions


async def test_who_is_named(desk: Desk) -> None:
    site = desk.conversation.site_id
    await add_agent(desk.db, desk.clock, site, "Mara Berger")
    async with desk.db.read() as tx:
        people = await list_people(tx, site)
    for text, names in (
        ("@Jonas can you?", ["Jonas Weber"]),
        ("@jonas weber, @Mara Lindt", ["Jonas Weber", "Mara Lindt"]),
        ("@Mara which one", []),  # there are two
        ("write to jonas@weber.example", []),
        ("@Jonason", []),
        ("@Mara  Berger and @Mara Berger", ["Mara Berger"]),
    ):
        assert [person.name for person in named_in(text, people)] == names, text


async def test_a_mention_is_unread_until_it_is_read(desk: Desk) -> None:
    site, conversation, mara = desk.conversation.site_id, desk.conversation.id, desk.mara.id
    await desk.say("Hi")
    text = "@Mara Lindt and @Jonas Weber"
    async with desk.db.write() as tx:
        posted = await desk.conversations.post_note(tx, conversation, agent_id=desk.jonas.id, text=text)
        named = await note_mentions(
            tx,
            desk.conversation,
            message_id=posted.message.id,
            author_id=desk.jonas.id,
            text=text,
            now=desk.clock(),
        )
    assert [person.name for person in named] == ["Mara Lindt"]  # and not oneself
    assert await shown(desk, "mentions") == [conversation]
    async with desk.db.read() as tx:
        lines = await inbox(tx, site_id=site, agent_id=mara, view="assistant")
        assert [line.mentioned for line in lines] == [True]
        assert (await inbox_counts(tx, site_id=site, agent_id=mara, now=desk.clock())).mentions == 1
        assert await unread_mentions(tx, mara, conversation)
    async with desk.db.write() as tx:
        assert await read_mentions(tx, mara, conversation, desk.clock())
        assert not await read_mentions(tx, mara, conversation, desk.clock())
        assert not await read_mentions(tx, desk.jonas.id, conversation, desk.clock())
    assert await shown(desk, "mentions") == [conversation]
    async with desk.db.read() as tx:
        assert (await inbox_counts(tx, site_id=site, agent_id=mara, now=desk.clock())).mentions == 0


# ---------------------------------------------------------------- what the pages should say


async def test_a_wrong_answer_waits_for_an_editor_with_the_right_one(desk: Desk) -> None:
    await make_editor(desk)
    site, mara = desk.conversation.site_id, desk.mara.id
    question = await desk.say("How long can I return boots?")
    async with desk.db.write() as tx:
        handle = await desk.conversations.begin_answer(tx, reply_to=question.id)
        await desk.conversations.append_sentence(tx, handle, part("You have 30 days."))
        await desk.conversations.finish_answer(tx, handle, AnswerEnd("reply"))
    async with desk.db.write() as tx:
        for right in ("60 days.", "90 days."):
            await correct_answer(tx, desk.conversation, mara, handle.message_id, right, desk.clock())
        with pytest.raises(Invalid):
            await correct_answer(tx, desk.conversation, mara, question.id, "x", desk.clock())
        with pytest.raises(Invalid):
            await correct_answer(tx, desk.conversation, mara, handle.message_id, " ", desk.clock())
        with pytest.raises(NotFound):
            await correct_answer(tx, desk.conversation, mara, "msg_gone", "x", desk.clock())
        [gap] = await list_corrections(tx, site)
        assert (gap.kind, gap.question, gap.given, gap.right) == (
            "wrong", "How long can I return boots?", "You have 30 days.", "90 days.",
        )  # fmt: skip
        assert gap.documents == (("returns.md", "Returns"),)
        with pytest.raises(NotAllowed):
            await close_correction(tx, site, desk.jonas.id, gap.id, desk.clock())
        with pytest.raises(NotFound):
            await close_correction(tx, site, mara, "cor_gone", desk.clock())
        await close_correction(tx, site, mara, gap.id, desk.clock(), "src_1")
        assert await list_corrections(tx, site) == []


async def test_what_solved_a_ticket_is_proposed_as_an_article(desk: Desk) -> None:
    ticket = await handed_off(desk)
    async with desk.db.write() as tx:
        with pytest.raises(Conflict):
            await propose_article(tx, desk.conversation, desk.mara.id, desk.clock())
        await desk.tickets.reply(tx, ticket.id, agent_id=desk.mara.id, text="It is in Graz.")
        await desk.tickets.reply(tx, ticket.id, agent_id=desk.mara.id, text="It comes tomorrow.")
        await desk.tickets.set_status(tx, ticket.id, "solved")
    async with desk.db.write() as tx:
        for _ in range(2):
            await propose_article(tx, desk.conversation, desk.mara.id, desk.clock())
        [row] = await tx.scalars(select(Correction))
    assert (row.kind, row.question, row.given) == ("article", ticket.subject, "")
    assert row.right == "It is in Graz.\n\nIt comes tomorrow."
