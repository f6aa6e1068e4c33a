"""Where a visitor's phone was, as rows hold it: three columns, all null where it did not say."""

from recobro_events import Row
from recobro_events.contracts.field_visits import Position


def position_of(row: Row) -> Position | None:
    """The position that this row holds."""
    if row["latitude"] is None:
        return None
    return Position(latitude=row["latitude"], longitude=row["longitude"], accuracy_metres=row["accuracy_metres"])


def columns_of(position: Position | None) -> tuple[float | None, float | None, float | None]:
    """``latitude, longitude, accuracy_metres``"""
    if position is None:
        return None, None, None
    return position.latitude, position.longitude, position.accuracy_metres
