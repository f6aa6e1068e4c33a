"""The totals of open contracts by stage."""

from typing import Annotated
from uuid import UUID

from chassis import OutputModel, Reader
from pydantic import Field
from recobro_events.contracts.portfolio import Stage

from portfolio.stages import queries


class StageTotal(OutputModel):
    """The open contracts of one stage."""

    stage: Stage
    contracts: int
    overdue_balance: Annotated[str, Field(examples=["1234.50"])]


async def of(reader: Reader, portfolio_id: UUID | None) -> list[StageTotal]:
    """Return the totals of every stage, from current to legal."""
    rows = {row["stage"]: row for row in await reader.fetch(queries.STAGES, portfolio_id)}
    return [
        StageTotal(
            stage=stage, contracts=rows[stage]["contracts"], overdue_balance=f"{rows[stage]['overdue_balance']:.2f}"
        )
        if stage in rows
        else StageTotal(stage=stage, contracts=0, overdue_balance="0.00")
        for stage in Stage
    ]
