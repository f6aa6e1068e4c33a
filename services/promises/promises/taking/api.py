"""HTTP routes that take, read and cancel promises."""

from typing import Annotated
from uuid import UUID

from chassis import (
    CurrentPrincipal,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    WriteTransaction,
    reads,
    writes,
)
from fastapi import Depends

from promises.taking.cancelling import Cancellation, cancel
from promises.taking.making import NewPromise, make
from promises.taking.reading import Promise, PromiseFilter, listed, read

router = Router(prefix="/v1", tags=["promises"])


@router.post("/promises", status_code=201, dependencies=[writes("promises", agency=True)])
async def make_promise(new: NewPromise, tx: WriteTransaction, who: CurrentPrincipal) -> Promise:
    """Take a promise to pay. It is made on the earlier of the contract's business date and today.

    A payment of that day counts for the promise, even one that arrived before the promise. So the answer's state may be
    ``kept``.
    """
    return await make(tx, who, new)


@router.get("/promises", dependencies=[reads("promises", agency=True)])
async def list_promises(
    wanted: Annotated[PromiseFilter, Depends()], query: PageQuery, reader: ReadConnection, who: CurrentPrincipal
) -> Page[Promise]:
    """List promises in the order in which they were made. An agency's token lists the promises that the agency took."""
    return await listed(reader, wanted, query, who.agency_id)


@router.get("/promises/{promise_id}", dependencies=[reads("promises", agency=True)])
async def read_promise(promise_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Promise:
    """Return one promise in its current state."""
    return await read(reader, promise_id, who.agency_id)


@router.post("/promises/{promise_id}/cancellation", status_code=201, dependencies=[writes("promises", agency=True)])
async def cancel_promise(
    promise_id: UUID, cancellation: Cancellation, tx: WriteTransaction, who: CurrentPrincipal
) -> Promise:
    """Cancel an open promise. This is final. Its payments may then count for the contract's other promises."""
    return await cancel(tx, who, promise_id, cancellation)
