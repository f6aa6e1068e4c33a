"""Agencies side by side: what they were given, what was taken back, what they recovered and earned."""

from uuid import UUID

from chassis import OutputModel, Page, Reader
from chassis.figures import DayFigure, address
from chassis.periods import Period, share
from recobro_events import MoneyTotal
from recobro_events.contracts.assignment import PlacementKind

from assignment.insight import queries


class AgencyPlacements(OutputModel):
    """The placements of an agency that began (``placed``), were ``recalled`` for good, or ``ended`` in a period.

    ``recall_rate`` is recalled / placed. ``placed_items``, ``recalled_items`` and ``ended_items`` list them.
    """

    agency_id: UUID
    name: str
    kind: PlacementKind
    placed: int
    recalled: int
    ended: int
    recall_rate: float | None
    placed_items: str
    recalled_items: str
    ended_items: str


class RecallReason(OutputModel):
    """Placements of an agency that were recalled for a reason, and became final in the period."""

    agency_id: UUID
    name: str
    kind: PlacementKind
    reason: str | None
    recalled: int
    items: str


class AgencyCommissions(OutputModel):
    """What an agency recovered and earned in a period, as it became known.

    ``recovered`` is the part of payments that reduced the debt and earned a commission, less what was taken back.
    ``amount`` is earned - reversed. ``commission_rate`` is amount / recovered. ``items`` lists the commissions
    of every kind of work and currency.
    """

    agency_id: UUID
    name: str
    kind: PlacementKind
    currency: str
    payments: int
    recovered: MoneyTotal
    earned: MoneyTotal
    reversed: MoneyTotal
    amount: MoneyTotal
    commission_rate: float | None
    items: str


async def placements(reader: Reader, wanted: Period, agency_id: UUID | None) -> Page[AgencyPlacements]:
    """Return the placements of each agency and kind of work. An agency sees its own."""
    first, last = wanted.ending(await reader.fetchval(queries.LAST_DAY, agency_id))
    items = []
    for row in await reader.fetch(queries.PLACEMENTS, first, last, agency_id):
        of = {"agency_id": row["agency_id"], "kind": row["kind"]}
        over = {"ended_from": first, "ended_to": last}
        items.append(
            AgencyPlacements(
                **dict(row),
                recall_rate=share(row["recalled"], row["placed"]),
                placed_items=address("/v1/placements", **of, started_from=first, started_to=last),
                recalled_items=address("/v1/placements", **of, **over, state="recalled"),
                ended_items=address("/v1/placements", **of, **over, state="ended"),
            )
        )
    return Page(items=items, next_cursor=None)


async def recalls(reader: Reader, wanted: Period, agency_id: UUID | None) -> Page[RecallReason]:
    """Return how many placements were recalled, by agency, kind of work and reason. An agency sees its own."""
    first, last = wanted.ending(await reader.fetchval(queries.LAST_DAY, agency_id))
    items = [
        RecallReason(
            **dict(row),
            items=address(
                "/v1/placements",
                agency_id=row["agency_id"],
                kind=row["kind"],
                state="recalled",
                reason=row["reason"],
                ended_from=first,
                ended_to=last,
            ),
        )
        for row in await reader.fetch(queries.RECALLS, first, last, agency_id)
    ]
    return Page(items=items, next_cursor=None)


async def commissions(reader: Reader, wanted: Period, agency_id: UUID | None) -> Page[AgencyCommissions]:
    """Return what each agency recovered and earned, by kind of work and currency. An agency sees its own."""
    first, last = wanted.ending(await reader.fetchval(queries.LAST_DAY, agency_id))
    items = []
    for row in await reader.fetch(queries.COMMISSIONS, first, last, agency_id):
        amount = row["earned"] - row["reversed"]
        items.append(
            AgencyCommissions(
                **dict(row),
                amount=amount,
                commission_rate=share(float(amount), float(row["recovered"])),
                items=address(f"/v1/agencies/{row['agency_id']}/commissions", from_=first, to=last),
            )
        )
    return Page(items=items, next_cursor=None)


async def figures(reader: Reader) -> list[DayFigure]:
    """Return what waits for an agency or an operator: recalls that are not final, and objections."""
    row = await reader.fetchrow(queries.WAITING)
    assert row is not None
    pending = address("/v1/placements", state="recall_pending")
    return [
        DayFigure(figure="placements.recall_pending", count=row["recall_pending"], items=pending),
        DayFigure(figure="objections.open", count=row["objected"], items=address("/v1/objections", state="open")),
    ]
