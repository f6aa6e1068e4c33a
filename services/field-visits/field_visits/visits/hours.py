"""The hours that the jurisdiction allows at an address on a day."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from jurisdictions import UnknownJurisdiction, callable_window, profile, state_named, timezone_of_place
from recobro_events import Row

Window = tuple[datetime, datetime] | None


def local_day(row: Row, at: datetime) -> date:
    """Return the day at the row's address at this moment; where its zone is not known, the portfolio's day."""
    return at.astimezone(ZoneInfo(_zone(row) or row["timezone"])).date()


def allowed_window(row: Row, day: date) -> Window:
    """Return the hours on ``day`` in which somebody may come to the row's address, as UTC.

    None where the day has no allowed hours, or nobody knows them: then nobody may come.
    """
    zone = _zone(row)
    if zone is None:
        return None
    rules = profile(row["jurisdiction"])
    state = state_named(rules.code, row["address_state"])
    code = (
        next((name for name in rules.states[state].also if len(name) == 2 and name.isupper()), None) if state else None
    )
    return callable_window(rules, day, zone, row["creditor_kind"], code)


def _zone(row: Row) -> str | None:
    try:
        return timezone_of_place(row["jurisdiction"], row["address_state"], row["city"])
    except UnknownJurisdiction:
        return None
