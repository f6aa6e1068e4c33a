"""HTTP routes for the links to the debtor's page. The page itself is in ``pages``."""

from typing import cast
from uuid import UUID

from chassis import Page, PageQuery, ReadConnection, Router, WriteTransaction, page, reads, writes
from fastapi import Request

from promises.debtor_page import linking, queries
from promises.debtor_page.linking import Link, LinkWithActs, MadeLink, NewLink, Revocation
from promises.settings import PromisesSettings

router = Router(prefix="/v1", tags=["debtor's page"])


@router.post("/contracts/{contract_id}/links", status_code=201, dependencies=[writes("promises")])
async def make_link(contract_id: UUID, new: NewLink, tx: WriteTransaction, request: Request) -> MadeLink:
    """Make a link to the debtor's page, for the debtor of this contract alone. Send it to the debtor.

    It can be opened once within 72 hours, by somebody who proves who they are. It ends the contract's earlier links.
    """
    settings = cast(PromisesSettings, request.app.state.settings)
    return await linking.make(tx, contract_id, new, settings.debtor_page_address)


@router.get("/contracts/{contract_id}/links", dependencies=[reads("promises")])
async def list_links(contract_id: UUID, query: PageQuery, reader: ReadConnection) -> Page[Link]:
    """List the links of a contract in the order in which they were made."""
    await linking.refuse_unknown(reader, contract_id)
    rows = await reader.fetch(queries.LINKS[query.order], contract_id, query.after(UUID), query.limit + 1)
    return page([linking.shown(row) for row in rows], query, key=lambda link: (link.link_id,))


@router.get("/links/{link_id}", dependencies=[reads("promises")])
async def read_link(link_id: UUID, reader: ReadConnection) -> LinkWithActs:
    """Return a link, with what the debtor did on its page."""
    return await linking.read(reader, link_id)


@router.post("/links/{link_id}/revocation", status_code=201, dependencies=[writes("promises")])
async def revoke_link(link_id: UUID, revocation: Revocation, tx: WriteTransaction) -> Link:
    """End a link at once, and the page of a debtor who has opened it."""
    return await linking.revoke(tx, link_id, revocation)
