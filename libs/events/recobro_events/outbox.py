"""Events that a set-based statement publishes: ``rows`` makes the head of the statement, ``Caused`` its event ids."""

from recobro_events._outbox.rows import Caused, rows

__all__ = ["Caused", "rows"]
