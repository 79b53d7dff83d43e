"""What the doctor says of work that was given up, and what a repair makes of it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import select

from minidesk.db import Database
from minidesk.db.models import Job
from minidesk.jobs import JobQueue
from minidesk.live import Hub
from minidesk.operations import examine_jobs
from tests.conftest import FakeClock
from tests.helpers.commands import minidesk


async def park(db: Database, jobs: JobQueue, queue: str, kind: str, *reasons: str) -> None:
    """A job for each reason, given up for it."""
    for reason in reasons:
        async with db.write() as tx:
            await jobs.enqueue(tx, queue=queue, kind=kind, payload={})
        job = await jobs.claim(db, queue, "w")
        assert job is not None
        assert await jobs.fail(db, job, reason, retry=False)


async def states(db: Database) -> dict[str, str]:
    async with db.read() as tx:
        rows = await tx.execute(select(Job.kind, Job.state))
        return dict(rows.all())


async def test_given_up_work_is_named_and_tried_again(db: Database, clock: FakeClock) -> None:
    jobs = JobQueue(Hub(), clock)
    assert await examine_jobs(db, jobs, repair=False) == []
    await park(db, jobs, "channels", "answer_mail", "ModelError: one", "ModelError: two")
    await park(db, jobs, "reply", "reply", "ValueError: three")

    mails, replies = await examine_jobs(db, jobs, repair=False)
    assert (mails.ok, replies.ok) == (False, True)
    assert mails.sentence == (
        "2 jobs of the kind answer_mail were given up, the last one for this: ModelError: two."
        " `minidesk doctor --repair` tries them again."
    )
    assert await states(db) == {"answer_mail": "parked", "reply": "parked"}

    # A reply stays as it is: its conversation is a person's since then.
    repaired = await examine_jobs(db, jobs, repair=True)
    assert all(finding.ok for finding in repaired)
    assert "They are tried again" in repaired[0].sentence
    assert await states(db) == {"answer_mail": "ready", "reply": "parked"}
    again = await jobs.claim(db, "channels", "w")
    assert again is not None
    assert again.attempt == 1


def test_the_command_tries_them_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert minidesk(data, "migrate").returncode == 0
    with closing(sqlite3.connect(data / "minidesk.db")) as rows, rows:
        rows.execute(
            "INSERT INTO jobs (id, queue, kind, payload, state, attempts, run_at, last_error, created_at)"
            " VALUES ('job_1', 'channels', 'answer_mail', '{}', 'parked', 5, '2026-03-02 10:00:00.000000',"
            " 'no server', '2026-03-02 10:00:00.000000')"
        )
    done = minidesk(data, "doctor", "--repair")
    assert done.returncode == 0, done.stderr
    assert (
        "ok      1 job of the kind answer_mail was given up, the last one for this: no server." in done.stdout
    )
    with closing(sqlite3.connect(data / "minidesk.db")) as rows:
        assert rows.execute("SELECT state, attempts FROM jobs").fetchall() == [("ready", 0)]
