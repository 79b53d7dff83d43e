"""Work that must be done, as rows with a lease in the product's own database."""

from minidesk.jobs.queue import MAX_ATTEMPTS, ClaimedJob, JobQueue, ParkedJobs
from minidesk.jobs.turns import Turns
from minidesk.jobs.worker import GiveUp, Handler, Worker

__all__ = ["MAX_ATTEMPTS", "ClaimedJob", "GiveUp", "Handler", "JobQueue", "ParkedJobs", "Turns", "Worker"]
