"""Where a contract stands on the ladder, and when it reaches the next step."""

from datetime import date, timedelta
from uuid import UUID

from chassis import ContractUnknown, OutputModel, Reader
from recobro_events.contracts.portfolio import ApproachStep

from portfolio.ladder import keeping, queries
from portfolio.ladder.conditions import Allows
from portfolio.ladder.rules import NoticeKind
from portfolio.segments.conditions import Words


class StepOfContract(OutputModel):
    """``step`` is that of the episode ``episode`` since ``since``; null while nothing is overdue.

    ``next_step_on`` is the business date on which time alone leads to ``next_step`` if no day is paused; null when
    something else is missing too. ``missing`` are the notices that are to be sent before; ``otherwise_met`` says that
    every condition but those of time and notices is met. ``challenged``: the contract is judged by the challenger.
    """

    contract_id: UUID
    episode: int
    step: ApproachStep | None
    words: Words | None
    since: date | None
    allows: Allows
    ladder_version: int
    challenged: bool
    next_step: ApproachStep | None
    next_step_on: date | None
    missing: tuple[NoticeKind, ...]
    otherwise_met: bool


async def read(reader: Reader, contract_id: UUID) -> StepOfContract:
    """Raises ``ContractUnknown``."""
    portfolio_id = await reader.fetchval(queries.CONTRACT, contract_id)
    if portfolio_id is None:
        raise ContractUnknown()
    held = await keeping.current(reader, portfolio_id)
    jurisdiction = await reader.fetchval(queries.JURISDICTION, portfolio_id)
    row = await reader.fetchrow(queries.ONE, contract_id, keeping.as_json(held, held.version, jurisdiction))
    assert row is not None
    missing = [kind for kind in row["notices"] or () if kind not in row["sent"]]
    answerable = row["next_step"] is not None and row["otherwise_met"] and not missing
    return StepOfContract(
        contract_id=contract_id,
        episode=row["episode"],
        step=row["reached"],
        words=held.words.get(row["reached"]),
        since=row["since"],
        allows=Allows.model_validate(row["allows"] or {}),
        ladder_version=held.version,
        challenged=row["challenged"],
        next_step=row["next_step"],
        next_step_on=row["business_date"] + timedelta(days=row["wait"] or 0) if answerable else None,
        missing=tuple(NoticeKind(kind) for kind in missing),
        otherwise_met=bool(row["otherwise_met"]),
    )
