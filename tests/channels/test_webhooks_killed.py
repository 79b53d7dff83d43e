"""A sender that is killed in mid-request: the event comes again, as the same event."""

import asyncio
import sys
import textwrap

from tests.channels.conftest import Channels, Receiver

from minidesk.channels import QUEUE

SENDER = textwrap.dedent(
    """
    import asyncio, sys
    from minidesk.accounts import Sealer
    from minidesk.channels import QUEUE, WEBHOOK, Deliverer, Outbox
    from minidesk.db import Database
    from minidesk.db.models import utc_now
    from minidesk.jobs import JobQueue, Worker
    from minidesk.live import Hub
    from minidesk.outbound import Outbound

    async def main(url, allow):
        db, hub = Database(url), Hub()
        jobs = JobQueue(hub, utc_now)
        deliverer = Deliverer(
            db, Outbox(jobs, utc_now, ""), Outbound(allow), utc_now, Sealer(bytes(32)), seconds=60
        )
        worker = Worker(db, jobs, hub, queue=QUEUE, owner="server-1", handlers={WEBHOOK: deliverer.run})
        await worker.run(asyncio.Event())

    asyncio.run(main(*sys.argv[1:]))
    """
)


async def test_killed_between_request_and_answer(channels: Channels, receiver: Receiver) -> None:
    endpoint_id, _ = await channels.add(receiver, "message.visitor")
    await channels.desk.say("Hello")
    receiver.silent = True
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SENDER, channels.desk.db.url, f"127.0.0.1:{receiver.port}"
    )
    try:
        await receiver.wait_for(1)
    finally:
        sender.kill()
        await sender.wait()
    receiver.silent = False
    assert await channels.desk.jobs.take_back(channels.desk.db, "server") == 1
    assert await channels.work() == 1
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    async with channels.desk.db.read() as tx:
        [delivery] = await channels.endpoints.log(tx, endpoint_id)
    assert (delivery.state, [t.status for t in delivery.tries]) == ("delivered", [204])
    assert not await channels.desk.jobs.is_unfinished(channels.desk.db, QUEUE)
