"""What may be said of a debtor and by whom, and how they may be reached, decided without I/O."""

from collections.abc import Collection
from enum import StrEnum

from recobro_events.contracts.portfolio import DebtorStatus


class Medium(StrEnum):
    """Through what somebody may be contacted, and may refuse to be."""

    CALL = "call"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    EMAIL = "email"


def medium_refused(said: str | None) -> Medium | None:
    """The medium that an opt-out names. None means every medium, and so does a word that nobody knows."""
    return Medium(said) if said in set(Medium) else None


_GRAVITY = {
    DebtorStatus.ACTIVE: 0,
    DebtorStatus.UNLOCATABLE: 1,
    DebtorStatus.INSOLVENT: 2,
    DebtorStatus.REPRESENTED: 3,
    DebtorStatus.DECEASED: 4,
}


def report_changes_status(known: DebtorStatus, reported: DebtorStatus) -> bool:
    """Whether a report from outside changes what is known: it may make it graver, never lift it; operators may."""
    return _GRAVITY[reported] > _GRAVITY[known]


def provenance_permitted(sources: Collection[str], provenance: str) -> bool:
    """Whether contact data from there are among those that a jurisdiction accepts: ``joint_obligor``, Joint obligor."""
    return provenance.strip().lower().replace("_", " ") in sources
