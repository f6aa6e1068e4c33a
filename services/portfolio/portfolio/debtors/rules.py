"""The rules for reports about debtors and for the media of contact, without I/O."""

from collections.abc import Collection
from enum import StrEnum

from recobro_events.contracts.portfolio import DebtorStatus


class Medium(StrEnum):
    """The media of contact; a debtor may refuse each."""

    CALL = "call"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    EMAIL = "email"


def medium_refused(name: str | None) -> Medium | None:
    """The medium that an opt-out names. None means every medium. An unknown word also gives None."""
    return Medium(name) if name in set(Medium) else None


BY_GRAVITY = (
    DebtorStatus.ACTIVE,
    DebtorStatus.UNLOCATABLE,
    DebtorStatus.INSOLVENT,
    DebtorStatus.REPRESENTED,
    DebtorStatus.DECEASED,
)


def report_changes_status(known: DebtorStatus, reported: DebtorStatus) -> bool:
    """Whether a report from outside changes the status. It may make the status graver; only operators may lift it."""
    return BY_GRAVITY.index(reported) > BY_GRAVITY.index(known)


def provenance_permitted(sources: Collection[str], provenance: str) -> bool:
    """Whether a jurisdiction accepts contact data of this provenance. Case and underscores do not matter."""
    return provenance.strip().lower().replace("_", " ") in sources
