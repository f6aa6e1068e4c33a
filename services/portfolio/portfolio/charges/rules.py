"""The kinds of charges, without I/O."""

from recobro_events.contracts.portfolio import ChargeKind

RAISING_KINDS = frozenset({ChargeKind.DEFAULT_INTEREST, ChargeKind.FEE, ChargeKind.CHARGEBACK})


def raises(kind: ChargeKind) -> bool:
    """Whether a charge of this kind raises what is owed. A compensation and a waiver lower it."""
    return kind in RAISING_KINDS
