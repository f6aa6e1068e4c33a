"""Segments over HTTP: the rules of a portfolio, what they would change, and the segment of a contract."""

from uuid import UUID

from chassis import ReadConnection, Router, WriteTransaction, reads, writes

from portfolio.segments import keeping, reading
from portfolio.segments.conditions import NewSegmentRules, SegmentRulesPut
from portfolio.segments.keeping import SegmentRules, SegmentTrial
from portfolio.segments.reading import SegmentOfContract

router = Router(prefix="/v1")
_READS = [reads("portfolio")]


@router.put("/portfolios/{portfolio_id}/segment-rules", tags=["strategy"], dependencies=[writes("portfolio")])
async def change_segment_rules(portfolio_id: UUID, new: SegmentRulesPut, tx: WriteTransaction) -> SegmentRules:
    """Replace the rules of segments. They become a new version, and contracts are judged by it within minutes.

    409 `rules-changed` if the rules that hold are not those that ``replaces`` names.
    """
    return await keeping.change(tx, portfolio_id, new)


@router.get("/portfolios/{portfolio_id}/segment-rules", tags=["strategy"], dependencies=_READS)
async def read_segment_rules(portfolio_id: UUID, connection: ReadConnection) -> SegmentRules:
    """Read the rules of segments that hold. A portfolio without rules of its own has the default ones, version 0."""
    return await keeping.read(connection, portfolio_id)


@router.get("/portfolios/{portfolio_id}/segment-rules/trial", tags=["strategy"], dependencies=_READS)
async def read_segment_trial(portfolio_id: UUID, connection: ReadConnection) -> SegmentTrial:
    """Judge the open contracts by the rules that hold, without effect."""
    return await keeping.trial(connection, portfolio_id, None)


@router.post("/portfolios/{portfolio_id}/segment-rules/trial", tags=["strategy"], dependencies=_READS)
async def try_segment_rules(portfolio_id: UUID, proposed: NewSegmentRules, connection: ReadConnection) -> SegmentTrial:
    """Judge the open contracts by proposed rules, without effect: how many would go from which segment to which."""
    return await keeping.trial(connection, portfolio_id, proposed)


@router.get("/contracts/{contract_id}/segment", tags=["contracts"], dependencies=_READS)
async def read_segment(contract_id: UUID, connection: ReadConnection) -> SegmentOfContract:
    """Read the segment of a contract, with the rule that fits and the facts that it was compared with."""
    return await reading.read(connection, contract_id)
