"""The sites of a key below `/api/v1`, and their settings: checked and written down as the console's page does."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import ValidationError

from minidesk.accounts import ApiKeyIdentity, differences, record
from minidesk.db import Tx
from minidesk.errors import Invalid, NotFound
from minidesk.sites import (
    SiteView,
    change_settings,
    is_open,
    public_settings,
    settings_version,
    site_by_id,
    told_apart,
)
from minidesk.web.body import json_body, takes
from minidesk.web.problems import sentence_for
from minidesk.web.rest.deps import RestDeps
from minidesk.web.rest.gate import Gate
from minidesk.web.rest.schemas import errors
from minidesk.web.rest.settings_schemas import SiteBody, SiteInfo, SiteList, SiteSummary

SiteName = Annotated[str, Path(max_length=64, description="The site's id, or the key of its script tag.")]


def add(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    """Add the routes."""
    reads, writes = Depends(gate.needs("sites:read")), Depends(gate.needs("sites:write"))

    @router.get("/sites", responses=errors())
    async def list_all(key: Annotated[ApiKeyIdentity, reads]) -> SiteList:
        """The sites of this key: its one, with what every visitor may know of it."""
        async with deps.db.read() as tx:
            return SiteList(sites=[_summary(await site_by_id(tx, key.site_id), deps)])

    @router.get("/sites/{site}", responses=errors(404))
    async def read(site: SiteName, key: Annotated[ApiKeyIdentity, reads]) -> SiteInfo:
        """A site with all settings of the console's Site page; the logo alone is changed there only."""
        async with deps.db.read() as tx:
            return _info(await _own(tx, key, site), deps)

    @router.patch("/sites/{site}", openapi_extra=takes(SiteBody), responses=errors(404, 409))
    async def change(
        site: SiteName,
        key: Annotated[ApiKeyIdentity, writes],
        body: Annotated[SiteBody, Depends(json_body(SiteBody))],
    ) -> SiteInfo:
        """Change what is named, all of it or nothing, and keep the rest. The same again changes nothing.

        With `version` it is refused (409) where somebody has changed the settings since they were read.
        """
        async with deps.db.write() as tx:
            own = await _own(tx, key, site)
            try:
                before, after = await change_settings(
                    tx, own.id, fields=body.settings, name=body.name, origins=body.allowed_origins,
                    version=body.version, by=key.name, now=deps.clock(),
                )  # fmt: skip
            except ValidationError as error:
                raise Invalid(_sentence(error)) from error
            changes = differences(told_apart(before), told_apart(after))
            if changes:
                await record(tx, deps.clock(), key.actor, "settings.changed", site_id=own.id, changes=changes)
            return _info(after, deps)


async def _own(tx: Tx, key: ApiKeyIdentity, site: str) -> SiteView:
    """The key's site, if it is the one that the address names; another one is not there (T12)."""
    own = await site_by_id(tx, key.site_id)
    if site not in (own.id, own.key):
        raise NotFound
    return own


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "value_error":  # a sentence of ours, which says what to write
        where = ".".join(str(part) for part in first["loc"])
        return f"The setting {where} cannot be used: {first['msg'].removeprefix('Value error, ')}"
    return sentence_for([dict(first)])


def _summary(site: SiteView, deps: RestDeps) -> SiteSummary:
    hours = site.config.hours
    return SiteSummary(
        id=site.id,
        key=site.key,
        name=site.name,
        languages=list(site.config.languages),
        open=hours is None or is_open(hours, deps.clock()),
    )


def _info(site: SiteView, deps: RestDeps) -> SiteInfo:
    return SiteInfo(
        **_summary(site, deps).model_dump(),
        allowed_origins=list(site.allowed_origins),
        settings=public_settings(site.config),
        version=settings_version(site),
    )
