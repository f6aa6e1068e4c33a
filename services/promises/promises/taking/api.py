"""Promises over HTTP: taking one, reading, calling off."""

from uuid import UUID

from chassis import CurrentPrincipal, Page, PageQuery, ReadConnection, Router, WriteTransaction, page, reads, writes
from recobro_events.contracts.promises import PromiseState

from promises.taking import queries
from promises.taking.cancelling import Cancellation, cancel
from promises.taking.making import NewPromise, make
from promises.taking.reading import Promise, read

router = Router(prefix="/v1", tags=["promises"])


@router.post("/promises", status_code=201, dependencies=[writes("promises", agency=True)])
async def make_promise(new: NewPromise, tx: WriteTransaction, who: CurrentPrincipal) -> Promise:
    """Take a promise to pay; it is made on the contract's business date.

    A payment of that day counts for it, also one that is known already: it may be answered as kept.
    """
    return await make(tx, who, new)


@router.get("/promises", dependencies=[reads("promises", agency=True)])
async def list_promises(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    contract_id: UUID | None = None,
    state: PromiseState | None = None,
) -> Page[Promise]:
    """Promises in the order in which they were made; an agency's token sees those that it took."""
    filters = (contract_id, state, query.after(UUID), who.agency_id)
    rows = await reader.fetch(queries.PROMISES, *filters, query.limit + 1)
    return page(rows, query, key=lambda row: (row["promise_id"],))


@router.get("/promises/{promise_id}", dependencies=[reads("promises", agency=True)])
async def read_promise(promise_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> Promise:
    """One promise as it stands."""
    return await read(reader, promise_id, who.agency_id)


@router.post("/promises/{promise_id}/cancellation", status_code=201, dependencies=[writes("promises", agency=True)])
async def cancel_promise(
    promise_id: UUID, cancellation: Cancellation, tx: WriteTransaction, who: CurrentPrincipal
) -> Promise:
    """Call off an open promise, for good. What counted for it counts for the contract's other promises again."""
    return await cancel(tx, who, promise_id, cancellation)
