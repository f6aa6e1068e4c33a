"""Contracts whose personal data were erased. They take none any more."""

from chassis import PersonErased
from recobro_events import Row


def refuse_erased(contract: Row) -> None:
    """Raise ``PersonErased`` for a contract, with ``erased_at``, whose data were erased."""
    if contract["erased_at"] is not None:
        raise PersonErased()
