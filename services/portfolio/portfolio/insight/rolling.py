"""Roll rates and cure rates: where the contracts that were open at the beginning of a period stand at its end."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Literal
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, page
from chassis.figures import address
from chassis.periods import share
from recobro_events import Money, MoneyTotal, Row
from recobro_events.contracts.portfolio import Stage

from portfolio.insight import movement_queries as queries

By = Literal["month", "day"]


class RollRate(OutputModel):
    """Of ``opening_contracts`` in ``from_stage`` when a month or day began, ``contracts`` ended in ``to_stage``.

    ``rate`` is contracts / opening_contracts. ``overdue`` is what they owed overdue at the beginning, ``overdue_rate``
    its share of the stage's. ``to_stage`` may be settled or closed. ``items`` lists the contracts; null for those that
    stayed.
    """

    portfolio_id: UUID
    currency: str
    begin: date
    from_stage: Stage
    to_stage: str
    contracts: int
    opening_contracts: int
    rate: float | None
    overdue: MoneyTotal
    opening_overdue: MoneyTotal
    overdue_rate: float | None
    items: str | None


class CureRate(OutputModel):
    """Of ``opening_contracts`` in a delinquent stage, ``cured`` ended current and ``settled`` were paid in full.

    ``cure_rate`` is (cured + settled) / opening_contracts.
    """

    portfolio_id: UUID
    begin: date
    stage: Stage
    opening_contracts: int
    cured: int
    settled: int
    cure_rate: float | None
    items: str | None


class MovedContract(OutputModel):
    """A contract with its stage and overdue balance at the beginning and at the end of the month."""

    contract_id: UUID
    contract_number: str
    from_stage: str
    to_stage: str
    from_overdue: Money
    to_overdue: Money


async def roll_rates(reader: Reader, by: By, portfolio_id: UUID | None, first: date, last: date) -> Page[RollRate]:
    """Return the roll rates of the months or days of a period. A month counts up to the last day that is over."""
    rows = await reader.fetch(queries.ROLLS[by], portfolio_id, first, last)
    stages = groupby(rows, key=lambda row: (row["portfolio_id"], row["begin"], row["from_stage"]))
    ordered = {key: list(group) for key, group in stages}
    return Page(items=[rate for group in ordered.values() for rate in _rates(by, group)], next_cursor=None)


def _rates(by: By, group: list[Row]) -> Iterator[RollRate]:
    row = group[0]
    moved = {each["to_stage"]: (each["contracts"], each["overdue"]) for each in group if each["to_stage"] is not None}
    if by == "month":
        # A day holds movements and not contracts, so nobody knows from it who stayed.
        stayed = row["opening_contracts"] - sum(contracts for contracts, _ in moved.values())
        overdue = row["opening_overdue"] - sum((amount for _, amount in moved.values()), Decimal(0))
        moved[row["from_stage"]] = (stayed, overdue)
    for to_stage, (contracts, overdue) in sorted(moved.items()):
        yield RollRate(
            portfolio_id=row["portfolio_id"],
            currency=row["currency"],
            begin=row["begin"],
            from_stage=row["from_stage"],
            to_stage=to_stage,
            contracts=contracts,
            opening_contracts=row["opening_contracts"],
            rate=share(contracts, row["opening_contracts"]),
            overdue=overdue,
            opening_overdue=row["opening_overdue"],
            overdue_rate=share(float(overdue), float(row["opening_overdue"])),
            items=_items(by, row, to_stage),
        )


def _items(by: By, row: Row, to_stage: str) -> str | None:
    if to_stage == row["from_stage"]:
        return None
    stages = {"portfolio_id": row["portfolio_id"], "from_stage": row["from_stage"], "to_stage": to_stage}
    if by == "month":
        return address("/v1/insight/moved-contracts", month=row["begin"], **stages)
    return address("/v1/insight/movements", from_=row["begin"], to=row["begin"], **stages)


async def cure_rates(reader: Reader, portfolio_id: UUID | None, first: date, last: date) -> Page[CureRate]:
    """Return the cure rates of the months of a period, for each stage but current."""
    rolls = (await roll_rates(reader, "month", portfolio_id, first, last))["items"]
    found: dict[tuple[UUID, date, Stage], list[RollRate]] = defaultdict(list)
    for roll in rolls:
        found[roll.portfolio_id, roll.begin, roll.from_stage].append(roll)
    items = []
    for (owner, begin, stage), ends in found.items():
        if stage is Stage.CURRENT:
            continue
        counts = {roll.to_stage: roll.contracts for roll in ends}
        cured, settled = counts.get(Stage.CURRENT, 0), counts.get("settled", 0)
        opening = ends[0].opening_contracts
        month = {"portfolio_id": owner, "month": begin, "from_stage": stage}
        items.append(
            CureRate(
                portfolio_id=owner,
                begin=begin,
                stage=stage,
                opening_contracts=opening,
                cured=cured,
                settled=settled,
                cure_rate=share(cured + settled, opening),
                items=address("/v1/insight/moved-contracts", **month, to_stage="current") if cured else None,
            )
        )
    return Page(items=items, next_cursor=None)


async def moved_contracts(
    reader: Reader, portfolio_id: UUID, month: date, from_stage: str, to_stage: str, query: PageQuery
) -> Page[MovedContract]:
    """Return the contracts behind a cell of a month, by id."""
    begin = month - timedelta(days=month.day - 1)
    rows = await reader.fetch(
        queries.MOVED_CONTRACTS[query.order],
        portfolio_id,
        begin,
        from_stage,
        to_stage,
        query.after(UUID),
        query.limit + 1,
    )
    return page(rows, query, key=lambda row: (row["contract_id"],))
