"""Adds up the movements and payments of days that no longer change."""

from uuid import UUID

from recobro_events import Transaction

from portfolio.movements import keeping_queries as queries

KEPT_DAYS = 3_660
"""Single movements are kept so long: ten years, for which books are kept. Their sums stay."""


async def keep(tx: Transaction, portfolio_id: UUID) -> None:
    """Add up the days before the portfolio's business date. A second call finds nothing to do.

    Whatever changes a contract holds the portfolio's row, so a day does not change any more once the business date has
    moved on.
    """
    await tx.execute(queries.BEGIN, portfolio_id)
    days = await tx.fetchrow(queries.DAYS, portfolio_id)
    if days is None or days["kept_to"] >= days["last"]:
        return
    period = (portfolio_id, days["kept_to"], days["last"])
    await tx.execute(queries.KEEP_DAYS, *period)
    await tx.execute(queries.KEEP_CLOSES, *period)
    await tx.execute(queries.FORGET_MONTHS, *period)
    await tx.execute(queries.KEEP_MONTHS, *period)
    await tx.execute(queries.KEEP_VINTAGES, *period)
    await tx.execute(queries.KEEP_RECOVERY, *period)
    await tx.execute(queries.KEPT, portfolio_id, days["last"])
    await tx.execute(queries.FORGET_MOVEMENTS, portfolio_id, days["last"], KEPT_DAYS)
