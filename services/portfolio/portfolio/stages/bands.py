"""The bands of a portfolio: from which day past due on a contract is in which stage, by date."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from chassis import Conflict, Day, FieldError, InputModel, Invalid, OutputModel, Reader
from pydantic import Field
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import Stage

from portfolio.ledger.actors import ActorOfChange
from portfolio.ledger.rules import STAGE_STARTS
from portfolio.portfolios import portfolios
from portfolio.portfolios import queries as portfolio_queries
from portfolio.stages import bands_queries as queries

MOST_VERSIONS = 200
FURTHEST_DAYS = 366
"""How far the day of new bands may be from the business date, in either direction."""

_LATER = tuple(STAGE_STARTS)


class Band(InputModel):
    """A contract is in ``stage`` from so many days past due on, until the next stage begins."""

    stage: Stage
    from_days: Annotated[int, Field(ge=0, le=3650)]


class NewBands(InputModel):
    """``current`` begins at 0 and may be left out of the list. Of the other stages at least one is in it.

    ``from``: the first day on which they hold.
    """

    from_: Annotated[Day, Field(alias="from")]
    bands: Annotated[tuple[Band, ...], Field(min_length=1, max_length=4)]


class BandView(OutputModel):
    stage: Stage
    from_days: int


class BandsVersion(OutputModel):
    """Bands with the first and the last day on which they hold. ``replaced`` ones hold on no day.

    ``until`` null: they hold until further notice.
    """

    bands_id: UUID | None
    from_: Annotated[date | None, Field(serialization_alias="from")]
    until: date | None
    replaced: bool
    bands: list[BandView]
    entered_at: datetime | None
    entered_by: ActorOfChange


class Bands(OutputModel):
    """The bands that hold on the day ``on``, with all versions, the latest day first.

    ``on`` is the business date unless the request names a day. ``restaging``: contracts are still being staged by new
    bands. The usual bands have neither ``bands_id`` nor ``from``.
    """

    portfolio_id: UUID
    on: date
    in_force: BandsVersion
    restaging: bool
    versions: list[BandsVersion]


class TooManyVersions(Conflict):
    code = "too-many-bands"
    detail = f"The portfolio has had {MOST_VERSIONS} versions of its bands. No more can be added."


async def change(tx: Transaction, portfolio_id: UUID, new: NewBands) -> Bands:
    """Give a portfolio bands from a day on. If they hold on the business date, its contracts are staged anew.

    The contracts are staged afterwards, chunk by chunk (``restaging``). Bands that hold on that day already change
    nothing. Raises ``PortfolioUnknown``, ``TooManyVersions``, and ``Invalid`` for bands out of order and for a day too
    far away.
    """
    starts = _starts_of(new.bands)
    portfolio = await portfolios.locked(tx, portfolio_id)
    today = portfolio["business_date"] or await portfolios.today(tx, portfolio_id)
    if abs((new.from_ - today).days) > FURTHEST_DAYS:
        bounds = f"must be from {today - timedelta(FURTHEST_DAYS)} to {today + timedelta(FURTHEST_DAYS)}"
        raise Invalid("The day is too far away.", errors=[FieldError("/from", bounds)])
    versions = await _versions(tx, portfolio_id)
    known = next((one for one in versions if one.from_ == new.from_ and not one.replaced), None)
    if known is None or known.bands != _bands_of(starts):
        if len(versions) > MOST_VERSIONS:
            raise TooManyVersions()
        await tx.execute(queries.ADD, portfolio_id, new.from_, *(starts[stage] for stage in _LATER))
        await tx.execute(queries.ENTER, portfolio_id)
    return await read(tx, portfolio_id, None)


async def read(reader: Reader, portfolio_id: UUID, on: date | None) -> Bands:
    """Return the bands that hold on a day, by default the business date. Raises ``PortfolioUnknown``."""
    portfolio = await portfolios.find(reader, portfolio_id)
    day = on or portfolio.business_date or await portfolios.today(reader, portfolio_id)
    versions = await _versions(reader, portfolio_id)
    in_force = next(one for one in versions if not one.replaced and (one.from_ is None or one.from_ <= day))
    restaging = await reader.fetchval(queries.IS_RESTAGING, portfolio_id)
    return Bands(portfolio_id=portfolio_id, on=day, in_force=in_force, restaging=restaging, versions=versions)


async def move(tx: Transaction, portfolio_id: UUID, day: date) -> None:
    """Move the business date of a portfolio that is locked. Bands of the day come into force."""
    await tx.execute(portfolio_queries.MOVE, portfolio_id, day)
    await tx.execute(queries.ENTER, portfolio_id)


def _starts_of(bands: Sequence[Band]) -> dict[Stage, int | None]:
    """The first day of each stage after current. Raises ``Invalid`` for bands that do not follow each other."""
    mistakes = []
    order = list(Stage)
    for index, band in enumerate(bands):
        before = bands[index - 1] if index else None
        if band.stage is Stage.CURRENT and (index or band.from_days != 0):
            mistakes.append(FieldError(f"/bands/{index}", "current comes first and begins at 0"))
        elif band.stage is not Stage.CURRENT and band.from_days < 1:
            mistakes.append(FieldError(f"/bands/{index}/from_days", "must be at least 1"))
        if before is not None and order.index(band.stage) <= order.index(before.stage):
            mistakes.append(FieldError(f"/bands/{index}/stage", f"must come after {before.stage}"))
        elif before is not None and band.from_days <= before.from_days:
            mistakes.append(FieldError(f"/bands/{index}/from_days", f"must be above {before.from_days}"))
    if all(band.stage is Stage.CURRENT for band in bands):
        mistakes.append(FieldError("/bands", "must have a stage besides current"))
    if mistakes:
        raise Invalid("The bands do not follow each other.", errors=mistakes)
    given = {band.stage: band.from_days for band in bands}
    return {stage: given.get(stage) for stage in _LATER}


def _bands_of(starts: dict[Stage, int | None]) -> list[BandView]:
    begins = {Stage.CURRENT: 0} | starts
    return [BandView(stage=stage, from_days=days) for stage, days in begins.items() if days is not None]


async def _versions(reader: Reader, portfolio_id: UUID) -> list[BandsVersion]:
    """All versions of a portfolio's bands, the latest day first, and at last the usual bands."""
    rows = await reader.fetch(queries.VERSIONS, portfolio_id)
    versions = [_version(row) for row in rows]
    first = rows[-1]["from_on"] - timedelta(days=1) if rows else None
    usual: dict[str, Any] = dict.fromkeys(("bands_id", "from_", "entered_at", "entered_by"))
    return [*versions, BandsVersion(**usual, until=first, replaced=False, bands=_bands_of(dict(STAGE_STARTS)))]


def _version(row: Row) -> BandsVersion:
    return BandsVersion(
        bands_id=row["bands_id"],
        from_=row["from_on"],
        until=None if row["replaced"] else row["until"],
        replaced=row["replaced"],
        bands=_bands_of({stage: row[f"{stage}_from"] for stage in _LATER}),
        entered_at=row["entered_at"],
        entered_by=row["entered_by"],
    )
