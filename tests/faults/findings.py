"""A finding of a check."""

from typing import NamedTuple


class Finding(NamedTuple):
    """``kind``: lost, doubled, phantom, order, differs, set aside, unresolved or answer. ``what`` names the object."""

    kind: str
    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what} ({self.where})"
