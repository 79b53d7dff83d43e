"""The process that reads other people's files: `python -m minidesk.knowledge.parse.child`.

It takes one request a line on stdin (JSON) and answers each on stdout (`wire.py`). A file to be read is named by path,
name and content_type; of a page of the web whose links are asked for (`links`: page or sitemap), the `size` bytes follow
the line. It cannot write files, has a ceiling of memory and of processor time, and no network where the system lets it
give that up. Whatever a file or page does, only this process dies of it.
"""

import ctypes
import json
import math
import os
import resource
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

from minidesk.errors import DocumentProblem, MinideskError
from minidesk.knowledge.parse.formats import parse_path
from minidesk.knowledge.parse.wire import pack_documents, pack_error, pack_record
from minidesk.knowledge.records import PageLinks, Sitemap

_PR_SET_PDEATHSIG = 1
_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000
_OPEN_FILES = 64

TOO_COMPLEX = "This file needs more memory or time to read than it may take. Split it, or save it again in a simpler form, and upload that copy."


def restrict(memory_mb: int) -> None:
    """Give up what parsing does not need. Must come before the first byte of a file."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    os.nice(10)  # an upload must not slow an answer
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # Without it a parser in an endless loop would outlive a parent that was killed with -9.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # Where neither is allowed the parsers' own settings (no_network) remain.
        if libc.unshare(_CLONE_NEWNET) != 0:
            libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def answer(request: dict[str, Any], data: bytes = b"") -> bytes:
    """One request's answer; never raises for what a file or page holds."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime + request["seconds"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    try:
        if "links" in request:
            return pack_record(links(request, data))
        return pack_documents(
            parse_path(Path(request["path"]), request["name"], request["content_type"], request["max_bytes"])
        )
    except MinideskError as error:
        return pack_error(error)
    except (MemoryError, RecursionError):
        return pack_error(DocumentProblem(TOO_COMPLEX, code="document_too_complex"))
    except (
        Exception
    ):  # any library may raise anything on a hostile file; its owner needs a sentence, not a trace
        return pack_error(DocumentProblem())


def links(request: dict[str, Any], data: bytes) -> PageLinks | Sitemap:
    """Where a page of the web, or a sitemap, leads."""
    from minidesk.knowledge.parse.links import (  # lxml: our parent imports this file too
        read_links,
        read_sitemap,
    )

    return read_sitemap(data) if request["links"] == "sitemap" else read_links(data, request["charset"])


def main() -> None:
    """Answer requests until stdin ends."""
    restrict(int(sys.argv[1]))
    warnings.simplefilter("ignore")
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # A library that prints would garble the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for line in requests:
        request = json.loads(line)
        answers.write(answer(request, requests.read(request.get("size", 0))))
        answers.flush()


if __name__ == "__main__":
    main()
