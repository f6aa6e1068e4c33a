"""HTTP routes for the rules of authority."""

from typing import Annotated

from chassis import CurrentPrincipal, Page, PageQuery, ReadConnection, Router, WriteTransaction, page, reads, writes
from chassis.models import INT4_MAX
from fastapi import Path

from promises.authority import queries, ruling
from promises.authority.ruling import AuthorityRules, NewAuthorityRules

router = Router(prefix="/v1", tags=["authority"])
Version = Annotated[int, Path(ge=1, le=INT4_MAX)]


@router.get("/authority-rules", dependencies=[reads("promises")])
async def list_authority_rules(query: PageQuery, reader: ReadConnection) -> Page[AuthorityRules]:
    """List every version of the rules, in the order in which they were written."""
    rows = await reader.fetch(queries.VERSIONS[query.order], query.after(int), query.limit + 1)
    return page([ruling.shown(row) for row in rows], query, key=lambda rules: (rules.version,))


@router.get("/authority-rules/in-force", dependencies=[reads("promises")])
async def read_authority_rules(reader: ReadConnection) -> AuthorityRules:
    """Return the newest rules that were approved, else the default ones."""
    return await ruling.in_force(reader)


@router.put("/authority-rules", dependencies=[writes("promises")])
async def put_authority_rules(new: NewAuthorityRules, tx: WriteTransaction, who: CurrentPrincipal) -> AuthorityRules:
    """Write all rules of who may discount how much. They hold once another person has approved them.

    409 `rules-changed` if the rules in force are not those that ``replaces`` names.
    """
    return await ruling.ask(tx, who, new)


@router.post("/authority-rules/{version}/approval", status_code=201, dependencies=[writes("promises")])
async def approve_authority_rules(version: Version, tx: WriteTransaction, who: CurrentPrincipal) -> AuthorityRules:
    """Approve rules that another person has written. They hold from now on.

    409 `rules-outdated` if the rules in force are not those that these replace.
    """
    return await ruling.decide(tx, who, version, "approved")


@router.post("/authority-rules/{version}/refusal", status_code=201, dependencies=[writes("promises")])
async def refuse_authority_rules(version: Version, tx: WriteTransaction, who: CurrentPrincipal) -> AuthorityRules:
    """Refuse rules that another person has written. The former rules go on to hold."""
    return await ruling.decide(tx, who, version, "refused")
