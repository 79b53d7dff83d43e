"""`minidesk ingest URL`: the same lines as for files, from a website on this machine that the settings allow."""

import asyncio
from pathlib import Path

import pytest

from tests.helpers.commands import minidesk
from tests.helpers.serving import serving
from tests.knowledge.test_crawl import Web, page

pytestmark = pytest.mark.timeout(180)


async def test_a_page_a_site_and_an_address_of_ours(tmp_path: Path) -> None:
    web = Web()
    web.put("/", page("Home", "/returns", "/gone"))
    web.put("/returns", page("Returns"))
    data = tmp_path / "data"
    async with serving(web, lifespan="off") as web.base:
        host = web.base.removeprefix("http://")
        more = {"MINIDESK_OUTBOUND_ALLOW": host, "MINIDESK_CRAWL_REQUESTS_PER_SECOND": "50"}

        async def ingest(*arguments: str) -> tuple[list[str], int]:
            done = await asyncio.to_thread(minidesk, data, "ingest", *arguments, **more)
            assert "Traceback" not in done.stderr
            return sorted(done.stdout.splitlines()), done.returncode

        name = host.replace(":", "-")
        assert await ingest(f"{web.base}/returns") == ([f"ready {name}/returns.html"], 0)
        assert await ingest("--crawl", web.base) == (
            [
                f"failed {web.base}/gone: The page is gone.",
                f"ready {name}/index.html",
                f"ready {name}/returns.html",
            ],
            1,
        )
        found = await asyncio.to_thread(minidesk, data, "search", "returns", **more)
        assert f"{name}/returns.html" in found.stdout
        lines, status = await ingest("http://169.254.169.254/latest")
        assert (len(lines), status) == (1, 1)
        assert lines[0].startswith("failed http://169.254.169.254/latest: This address cannot be read.")
    assert (await asyncio.to_thread(minidesk, data, "ingest", "--crawl", "nowhere.md")).returncode == 2
