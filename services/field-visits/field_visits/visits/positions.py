"""The position of a visitor's phone, as rows hold it: three columns, all null where the phone sent none."""

from recobro_events import Row
from recobro_events.contracts.field_visits import Position


def position_of(row: Row) -> Position | None:
    """Return the position that this row holds."""
    if row["latitude"] is None:
        return None
    return Position(latitude=row["latitude"], longitude=row["longitude"], accuracy_metres=row["accuracy_metres"])


def columns_of(position: Position | None) -> tuple[float | None, float | None, float | None]:
    """Return ``latitude, longitude, accuracy_metres``."""
    if position is None:
        return None, None, None
    return position.latitude, position.longitude, position.accuracy_metres
