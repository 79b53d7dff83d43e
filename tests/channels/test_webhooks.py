"""Webhooks: what is told, signed how, how often it is tried, and that nothing is lost or told that did not happen."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from tests.channels.conftest import BASE, Channels, Receiver
from tests.conftest import FakeClock
from tests.rows import add_site

from minidesk.accounts import Sealer
from minidesk.channels import (
    EVENTS,
    DeliveryView,
    EndpointView,
    new_secret,
    seal_webhook_secrets,
    signed_headers,
)
from minidesk.channels.deliver import DELAYS, FAILING_FOR, LOG_KEPT, Deliverer
from minidesk.channels.endpoints import BOTH_SECRETS_FOR, ENDPOINTS_OF_A_SITE
from minidesk.db.models import Job, WebhookDelivery, WebhookEndpoint
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.outbound import Outbound

SOLVED_BY = "Jonas"


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """The check of a receiver, written down from the specification and not from our code."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return right in headers["webhook-signature"].split(" ")


async def state(channels: Channels, endpoint_id: str) -> EndpointView:
    async with channels.desk.db.read() as tx:
        return await channels.endpoints.one(tx, channels.site_id, endpoint_id)


async def log(channels: Channels, endpoint_id: str) -> list[DeliveryView]:
    async with channels.desk.db.read() as tx:
        return await channels.endpoints.log(tx, endpoint_id)


async def test_a_day_of_a_conversation_as_a_receiver_sees_it(
    channels: Channels, receiver: Receiver, clock: FakeClock
) -> None:
    desk = channels.desk
    _, secret = await channels.add(receiver, *EVENTS)
    await desk.say("Wo ist mein Paket? Grüße ✓")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    async with desk.db.write() as tx:
        await desk.tickets.reply(tx, ticket.id, agent_id=desk.jonas.id, text="It comes today.")
        await desk.conversations.post_note(
            tx, desk.conversation.id, agent_id=desk.jonas.id, text="secret note"
        )
    async with desk.db.write() as tx:
        await desk.tickets.set_status(tx, ticket.id, "solved")
        await desk.conversations.rate(tx, desk.conversation.id, 5)
        await desk.conversations.rate(tx, desk.conversation.id, 5)
    await channels.work()
    told = [json.loads(one.body) for one in receiver.got]
    assert [t["type"] for t in told] == [
        "conversation.started",
        "message.visitor",
        "ticket.created",
        "message.agent",
        "ticket.updated",
        "ticket.solved",
        "rating.given",
    ]
    started, asked, created, answered, updated, solved, rated = (t["data"] for t in told)
    assert started["conversation"]["url"] == f"{BASE}/console/conversations/{desk.conversation.id}"
    assert asked["message"]["text"] == "Wo ist mein Paket? Grüße ✓"
    assert (answered["message"]["text"], answered["message"]["name"]) == ("It comes today.", SOLVED_BY)
    assert (created["ticket"]["status"], created["ticket"]["assignee"]) == ("open", None)
    assert (updated["ticket"]["status"], updated["ticket"]["assignee"]) == ("open", SOLVED_BY)
    assert solved["ticket"]["status"] == "solved"
    assert rated["rating"] == 5
    for one in receiver.got:
        assert one.headers[":line"] == "POST /hook HTTP/1.1"
        assert verified(secret, one.headers, one.body)
        assert one.headers["webhook-timestamp"] == str(int(clock().timestamp()))
        assert len(one.body) < 20_000
        for never in (
            b"secret note",
            desk.jonas.email.encode(),
            b"Weber",
            b"score",
            b"cost",
            secret.encode(),
        ):
            assert never not in one.body
    assert len({one.headers["webhook-id"] for one in receiver.got}) == 7


def test_the_signature_is_the_one_of_the_specification() -> None:
    # An example that the implementations of Standard Webhooks test with.
    body = b'{"test": 2432232314}'
    headers = signed_headers(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_only_chosen_events_of_this_site_are_told(channels: Channels, receiver: Receiver) -> None:
    desk = channels.desk
    await channels.add(receiver, "ticket.created")
    other = await add_site(desk.db, desk.clock)
    async with desk.db.write() as tx:
        await channels.endpoints.add(tx, site_id=other.id, url=receiver.url, events=EVENTS)
    await desk.say("Hello")
    assert await channels.work() == 0
    await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    assert await channels.work() == 1


async def test_what_was_rolled_back_is_not_told(channels: Channels, receiver: Receiver) -> None:
    await channels.add(receiver, *EVENTS)

    async def fail() -> None:
        async with channels.desk.db.write() as tx:
            await channels.desk.conversations.post_visitor_message(
                tx, channels.desk.conversation, client_id="c", text="x"
            )
            raise RuntimeError("the process dies here")

    with pytest.raises(RuntimeError):
        await fail()
    assert await channels.work() == 0
    await channels.desk.say("x", "c")
    assert await channels.work() == 2


async def test_a_receiver_that_fails_is_tried_six_times_in_a_day(
    channels: Channels, receiver: Receiver, clock: FakeClock
) -> None:
    endpoint_id, secret = await channels.add(receiver, "message.visitor")
    receiver.statuses = [500, 429, 400, 503, 302, 500]
    receiver.location = receiver.url
    began = clock()
    await channels.desk.say("Hello")
    waits: list[timedelta] = []
    for _ in DELAYS:
        assert await channels.work() == 1
        assert await channels.work() == 0
        [delivery] = await log(channels, endpoint_id)
        assert delivery.state == "waiting"
        assert delivery.next_at is not None
        waits.append(delivery.next_at - clock())
        clock.now = delivery.next_at
    assert waits == [delay * 1.1 for delay in DELAYS]
    assert await channels.work() == 1
    [delivery] = await log(channels, endpoint_id)
    assert (delivery.state, delivery.next_at) == ("failed", None)
    assert [(t.status, t.error) for t in reversed(delivery.tries)] == [
        (500, "broken"),
        (429, "refused"),
        (400, "refused"),
        (503, "broken"),
        (302, "redirect"),
        (500, "broken"),
    ]
    assert timedelta(hours=24) <= clock() - began <= timedelta(hours=30)
    # The same id and the same words each time; the time of each try, and so its signature, is new.
    assert {one.headers["webhook-id"] for one in receiver.got} == {delivery.id}
    assert len({one.body for one in receiver.got}) == 1
    assert len({one.headers["webhook-timestamp"] for one in receiver.got}) == 6
    assert all(verified(secret, one.headers, one.body) for one in receiver.got)
    assert (await state(channels, endpoint_id)).state == "on"
    assert (await state(channels, endpoint_id)).failing_since == began


@pytest.mark.parametrize("kind", ["silent", "not allowed any more"])
async def test_no_answer_is_one_word_whatever_the_reason(
    channels: Channels, receiver: Receiver, kind: str
) -> None:
    endpoint_id, _ = await channels.add(receiver, "message.visitor")
    receiver.silent = True
    if kind != "silent":
        channels.deliverer = nothing_allowed(channels)
    await channels.desk.say("Hello")
    await channels.work()
    [delivery] = await log(channels, endpoint_id)
    [tried] = delivery.tries
    assert (delivery.state, tried.status, tried.error) == ("waiting", None, "no_answer")
    assert (tried.ms >= 450) == (kind == "silent")
    assert len(receiver.got) == (1 if kind == "silent" else 0)


def nothing_allowed(channels: Channels) -> Deliverer:
    """The sender of an operator who took the receiver's address off the list after it was added."""
    return Deliverer(channels.desk.db, channels.outbox, Outbound(), channels.desk.clock, Sealer(bytes(32)))


async def test_an_inside_address_is_refused_when_it_is_typed(channels: Channels, receiver: Receiver) -> None:
    async with channels.desk.db.write() as tx:
        for url, code in (
            ("http://169.254.169.254/latest", "address_not_allowed"),
            ("https://10.0.0.7/hook", "address_not_allowed"),
            ("https://localhost:8443/", "address_not_allowed"),
            ("https://user:word@hooks.example.com/", "address_not_allowed"),
            ("http://hooks.example.com/", "webhook_needs_https"),
            ("nonsense", "url_invalid"),
        ):
            with pytest.raises(Invalid) as refused:
                await channels.endpoints.add(tx, site_id=channels.site_id, url=url, events=["ticket.created"])
            assert refused.value.code == code
        for events in ([], ["ticket.created", "everything"]):
            with pytest.raises(Invalid, match="event"):
                await channels.endpoints.add(tx, site_id=channels.site_id, url=receiver.url, events=events)


async def test_a_redirect_is_not_followed(channels: Channels, receiver: Receiver) -> None:
    endpoint_id, _ = await channels.add(receiver, "message.visitor")
    receiver.statuses, receiver.location = [307], f"http://127.0.0.1:{receiver.port}/inside"
    await channels.desk.say("Hello")
    await channels.work()
    assert [one.headers[":line"] for one in receiver.got] == ["POST /hook HTTP/1.1"]
    assert (await log(channels, endpoint_id))[0].tries[0].error == "redirect"


async def test_gone_switches_off_at_once_and_an_endpoint_that_is_off_gets_nothing(
    channels: Channels, receiver: Receiver
) -> None:
    endpoint_id, _ = await channels.add(receiver, "message.visitor")
    receiver.statuses = [410]
    await channels.desk.say("One")
    await channels.desk.say("Two")
    assert await channels.work() == 2
    assert (await state(channels, endpoint_id)).state == "gone"
    assert len(receiver.got) == 1
    assert [(d.state, d.tries[0].error) for d in await log(channels, endpoint_id)] == [
        ("failed", "off"),
        ("failed", "refused"),
    ]
    await channels.desk.say("Three")
    assert await channels.work() == 0
    async with channels.desk.db.write() as tx:
        with pytest.raises(Conflict):
            await channels.endpoints.test(tx, channels.site_id, endpoint_id)
        await channels.endpoints.switch(tx, channels.site_id, endpoint_id, on=True)
        await channels.endpoints.test(tx, channels.site_id, endpoint_id)
    receiver.statuses = [200]
    assert await channels.work() == 1
    assert json.loads(receiver.got[-1].body)["type"] == "test"


async def test_an_endpoint_that_fails_for_days_is_switched_off(
    channels: Channels, receiver: Receiver, clock: FakeClock
) -> None:
    endpoint_id, _ = await channels.add(receiver, "message.visitor")
    receiver.statuses = [500]

    async def use_up(text: str) -> None:
        await channels.desk.say(text)
        for delay in (timedelta(0), *DELAYS):
            clock.now += delay * 1.2
            await channels.work()

    await use_up("One")
    await use_up("Two")
    assert (await state(channels, endpoint_id)).state == "on"
    clock.now += FAILING_FOR - (clock() - (await state(channels, endpoint_id)).failing_since)  # type: ignore[operator]
    # One bad try of a new event is not yet the end: it may be the one that gets through.
    await channels.desk.say("Three")
    await channels.work()
    assert (await state(channels, endpoint_id)).state == "on"
    for delay in DELAYS:
        clock.now += delay * 1.2
        await channels.work()
    assert (await state(channels, endpoint_id)).state == "failing"
    async with channels.desk.db.write() as tx:
        await channels.endpoints.switch(tx, channels.site_id, endpoint_id, on=True)
    assert (await state(channels, endpoint_id)).failing_since is None


async def test_one_success_ends_the_row_of_failures(
    channels: Channels, receiver: Receiver, clock: FakeClock
) -> None:
    endpoint_id, _ = await channels.add(receiver, "message.visitor")
    receiver.statuses = [500, 200]
    await channels.desk.say("Hello")
    await channels.work()
    assert (await state(channels, endpoint_id)).failing_since == clock()
    clock.advance(seconds=12)
    assert await channels.work() == 1
    found = await state(channels, endpoint_id)
    assert (found.failing_since, found.last_ok_at) == (None, clock())
    [delivery] = await log(channels, endpoint_id)
    assert (delivery.state, len(delivery.tries)) == ("delivered", 2)


async def test_sending_again_by_hand_has_the_same_id_and_all_tries(
    channels: Channels, receiver: Receiver, clock: FakeClock
) -> None:
    endpoint_id, _ = await channels.add(receiver, "message.visitor")
    receiver.statuses = [500, 500, 200]
    await channels.desk.say("Hello")
    await channels.work()
    [delivery] = await log(channels, endpoint_id)
    async with channels.desk.db.write() as tx:
        await channels.endpoints.send_again(tx, channels.site_id, endpoint_id, delivery.id)
    assert await channels.work() == 1  # at once, though the next try was due later
    clock.advance(seconds=12)
    assert await channels.work() == 2  # the old round's job finds that it is not meant any more
    [delivery] = await log(channels, endpoint_id)
    assert (delivery.state, [t.status for t in delivery.tries]) == ("delivered", [200, 500, 500])
    assert {one.headers["webhook-id"] for one in receiver.got} == {delivery.id}
    async with channels.desk.db.write() as tx:
        await channels.endpoints.send_again(tx, channels.site_id, endpoint_id, delivery.id)
    assert await channels.work() == 1
    assert len(receiver.got) == 4
    async with channels.desk.db.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Job).where(Job.queue == "channels")) == 0


async def test_both_secrets_sign_for_a_day(channels: Channels, receiver: Receiver, clock: FakeClock) -> None:
    endpoint_id, old = await channels.add(receiver, "message.visitor")
    async with channels.desk.db.write() as tx:
        new = (await channels.endpoints.rotate(tx, channels.site_id, endpoint_id)).secret
    assert old != new
    for text, old_signs in (("One", True), ("Two", False)):
        await channels.desk.say(text)
        await channels.work()
        last = receiver.got[-1]
        assert verified(new, last.headers, last.body)
        assert verified(old, last.headers, last.body) is old_signs
        clock.now += BOTH_SECRETS_FOR


async def test_secrets_are_sealed_and_older_ones_go_on_signing(
    channels: Channels, receiver: Receiver
) -> None:
    endpoint_id, plain = await channels.add(receiver, "message.visitor")
    async with channels.desk.db.write() as tx:
        new = (await channels.endpoints.rotate(tx, channels.site_id, endpoint_id)).secret
        row = await tx.get_one(WebhookEndpoint, endpoint_id)
        for secret in (plain, new):
            assert secret not in f"{row.sealed} {row.old_sealed}"
        row.sealed, row.old_sealed = new, plain  # as a version before sealing wrote them
    for text in ("One", "Two"):
        await channels.desk.say(text)
        await channels.work()
        last = receiver.got[-1]
        assert verified(new, last.headers, last.body)
        assert verified(plain, last.headers, last.body)
        async with channels.desk.db.write() as tx:  # what the next start does
            await seal_webhook_secrets(tx, Sealer(bytes(32)))
            row = await tx.get_one(WebhookEndpoint, endpoint_id)
            for secret in (plain, new):
                assert secret not in f"{row.sealed} {row.old_sealed}"


async def test_without_its_key_a_webhook_waits_for_a_new_secret(
    channels: Channels, receiver: Receiver, clock: FakeClock
) -> None:
    endpoint_id, _ = await channels.add(receiver, "message.visitor")
    async with channels.desk.db.write() as tx:  # as it is after a backup came back without secret.key
        row = await tx.get_one(WebhookEndpoint, endpoint_id)
        row.sealed = Sealer(bytes(31) + b"x").seal(new_secret(), endpoint_id)
    await channels.desk.say("Hello")
    assert await channels.work() == 1
    [delivery] = await log(channels, endpoint_id)
    assert (receiver.got, delivery.state, [one.error for one in delivery.tries]) == (
        [],
        "waiting",
        ["no_secret"],
    )
    async with channels.desk.db.write() as tx:
        secret = (await channels.endpoints.rotate(tx, channels.site_id, endpoint_id)).secret
    clock.advance(seconds=13)
    assert await channels.work() == 1
    [one] = receiver.got
    assert verified(secret, one.headers, one.body)
    assert len(one.headers["webhook-signature"].split(" ")) == 1


async def test_a_repeated_job_after_the_booking_sends_nothing(channels: Channels, receiver: Receiver) -> None:
    await channels.add(receiver, "message.visitor")
    await channels.desk.say("Hello")
    job = await channels.desk.jobs.claim(channels.desk.db, "channels", "w:1")
    assert job is not None
    await channels.deliverer.run(job)
    await channels.deliverer.run(job)  # it died before it could say that the job is done
    assert len(receiver.got) == 1


async def test_another_sites_endpoint_is_not_found(channels: Channels, receiver: Receiver) -> None:
    endpoint_id, _ = await channels.add(receiver, "message.visitor")
    await channels.desk.say("Hello")
    [delivery] = await log(channels, endpoint_id)
    other = await add_site(channels.desk.db, channels.desk.clock)
    endpoints = channels.endpoints
    async with channels.desk.db.write() as tx:
        for action in (
            lambda id: endpoints.one(tx, other.id, id),
            lambda id: endpoints.rotate(tx, other.id, id),
            lambda id: endpoints.switch(tx, other.id, id, on=False),
            lambda id: endpoints.choose(tx, other.id, id, ["rating.given"]),
            lambda id: endpoints.remove(tx, other.id, id),
            lambda id: endpoints.test(tx, other.id, id),
            lambda id: endpoints.send_again(tx, other.id, id, delivery.id),
        ):
            for id in (endpoint_id, "whe_0", "\0"):
                with pytest.raises(NotFound):
                    await action(id)
        with pytest.raises(NotFound):
            await endpoints.send_again(tx, channels.site_id, endpoint_id, "msg_0")
    found = await state(channels, endpoint_id)
    assert (found.state, found.events) == ("on", ("message.visitor",))


async def test_ten_endpoints_and_a_log_of_thirty_days(
    channels: Channels, receiver: Receiver, clock: FakeClock
) -> None:
    endpoint_id, _ = await channels.add(receiver, "message.visitor")
    await channels.desk.say("Old")
    await channels.work()
    clock.now += LOG_KEPT + timedelta(minutes=1)
    await channels.desk.say("New")
    await channels.work()
    assert len(await log(channels, endpoint_id)) == 1
    for _ in range(ENDPOINTS_OF_A_SITE - 1):
        await channels.add(receiver, "rating.given")
    with pytest.raises(Conflict):
        await channels.add(receiver, "rating.given")
    async with channels.desk.db.write() as tx:
        await channels.endpoints.remove(tx, channels.site_id, endpoint_id)
    async with channels.desk.db.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(WebhookDelivery)) == 0
