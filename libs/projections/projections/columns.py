"""Rows as the arrays that PostgreSQL's ``unnest`` takes, and columns that keep the newest version."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from recobro_events import Event

E = TypeVar("E", bound=Event)


def columns(rows: Iterable[Sequence[Any]], count: int) -> list[Sequence[Any]]:
    """Returns the arrays of an ``unnest``, one per column; without rows these are ``count`` empty arrays."""
    return list(zip(*rows, strict=True)) or [()] * count


@dataclass(frozen=True)
class Column(Generic[E]):
    """A column of a projection: its PostgreSQL type, and its value in an event.

    ``sent_as`` is the type of the parameter where it differs: a list of JSON would become an array of arrays.
    """

    type: str
    read: Callable[[E], Any]
    sent_as: str = ""


def arrays(types: Iterable[str]) -> str:
    """SQL: the parameters of an ``unnest`` with these element types, from ``$1``."""
    return ", ".join(f"${n}::{type_}[]" for n, type_ in enumerate(types, 1))
