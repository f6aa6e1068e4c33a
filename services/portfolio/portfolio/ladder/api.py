"""The ladder over HTTP: the steps of a portfolio, the step of a contract, and the notices that were sent."""

from typing import Annotated, Any
from uuid import UUID

from chassis import TRANSFER, ReadConnection, Router, ServiceDatabase, WriteTransaction, body_limit, reads, writes
from chassis.periods import WantedPeriod
from fastapi import Query, Request
from fastapi.responses import Response

from portfolio.ladder import comparing, keeping, notices, reading, receipts
from portfolio.ladder.comparing import LadderComparison
from portfolio.ladder.conditions import LadderPut, NewLadder
from portfolio.ladder.keeping import Ladder, LadderTrial
from portfolio.ladder.notices import NewNotice, Notice
from portfolio.ladder.reading import StepOfContract

router = Router(prefix="/v1")
_READS = [reads("portfolio")]
_WRITES = [writes("portfolio")]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_RECEIPT = dict.fromkeys(("application/pdf", "image/jpeg", "image/png"), _BINARY)
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": _RECEIPT}}
_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": _RECEIPT}}


@router.put("/portfolios/{portfolio_id}/ladder", tags=["strategy"], dependencies=_WRITES)
async def change_ladder(portfolio_id: UUID, new: LadderPut, tx: WriteTransaction) -> Ladder:
    """Replace the ladder. It becomes a new version, and contracts are judged by it within minutes. None goes back.

    409 `ladder-changed` if the ladder that holds is not the one that ``replaces`` names.
    """
    return await keeping.change(tx, portfolio_id, new)


@router.get("/portfolios/{portfolio_id}/ladder", tags=["strategy"], dependencies=_READS)
async def read_ladder(portfolio_id: UUID, connection: ReadConnection) -> Ladder:
    """Read the ladder that holds. A portfolio without a ladder of its own has the default one, version 0."""
    return await keeping.read(connection, portfolio_id)


@router.get("/portfolios/{portfolio_id}/ladder/trial", tags=["strategy"], dependencies=_READS)
async def read_ladder_trial(portfolio_id: UUID, connection: ReadConnection) -> LadderTrial:
    """Judge the open contracts by the ladder that holds, as of the business date and without effect."""
    return await keeping.trial(connection, portfolio_id, None)


@router.post("/portfolios/{portfolio_id}/ladder/trial", tags=["strategy"], dependencies=_READS)
async def try_ladder(portfolio_id: UUID, proposed: NewLadder, connection: ReadConnection) -> LadderTrial:
    """Judge the open contracts by a proposed ladder, without effect: how many would reach which step today."""
    return await keeping.trial(connection, portfolio_id, proposed)


@router.get("/portfolios/{portfolio_id}/ladder/comparison", tags=["strategy"], dependencies=_READS)
async def compare_ladder(
    portfolio_id: UUID,
    period: WantedPeriod,
    connection: ReadConnection,
    version: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="By default the last one with a challenger")
    ] = None,
) -> LadderComparison:
    """Compare what the ladder and its challenger have achieved in a period: cures, money, contacts."""
    return await comparing.compare(connection, portfolio_id, period, version)


@router.get("/contracts/{contract_id}/step", tags=["contracts"], dependencies=_READS)
async def read_step(contract_id: UUID, connection: ReadConnection) -> StepOfContract:
    """Read the step of a contract, what it allows, and when and by what the contract reaches the next one."""
    return await reading.read(connection, contract_id)


@router.post("/contracts/{contract_id}/notices", tags=["contracts"], status_code=201, dependencies=_WRITES)
async def add_notice(contract_id: UUID, new: NewNotice, tx: WriteTransaction) -> Notice:
    """Record a notice that was sent, with its proof. The contract is then at least at the step of the notice.

    409 ``not-behind``, ``step-backward``, or ``notice-missing`` with the notices that have to be sent before.
    """
    return await notices.add(tx, contract_id, new)


@router.get("/contracts/{contract_id}/notices", tags=["contracts"], dependencies=_READS)
async def list_notices(contract_id: UUID, connection: ReadConnection) -> list[Notice]:
    """List the notices of a contract, the oldest first."""
    return await notices.listed(connection, contract_id)


@router.put(
    "/notices/{notice_id}/receipt",
    tags=["contracts"],
    dependencies=[*_WRITES, body_limit(receipts.MOST_BYTES)],
    openapi_extra=_BODY,
)
async def store_receipt(notice_id: UUID, request: Request, database: ServiceDatabase) -> Notice:
    """Store the receipt's file of a notice. The raw body is a PDF, a JPEG or a PNG of at most 10 MiB.

    Where the notice states a SHA-256, the file must have it: 409 `receipt-differs`. Where it states none, it gets that
    of the file, and no other file can take its place.
    """
    return await receipts.store(database, request.app.state.receipts, notice_id, await request.body())


@router.get(
    "/notices/{notice_id}/receipt",
    tags=["contracts"],
    dependencies=[*_READS, TRANSFER],
    response_class=Response,
    responses=_ANSWER,
)
async def read_receipt(notice_id: UUID, request: Request, database: ServiceDatabase) -> Response:
    """Return the receipt's file as it was sent. 503 when its bytes have changed since it was stored."""
    content, media_type = await receipts.fetch(database, request.app.state.receipts, notice_id)
    name = f"receipt-{notice_id}.{media_type.rpartition('/')[2]}"
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
