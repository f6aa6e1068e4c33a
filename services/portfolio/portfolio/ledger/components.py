"""What is unpaid of each part of an instalment's amount. It follows from the amount, so no part has a ledger.

A creditor states the parts of an amount: principal, interest, fees and more. A payment pays the parts in the order of
the portfolio. So what is unpaid are the last parts of that order, up to the unpaid amount. The same holds where an
amount was lowered otherwise. Where an amount is larger than its known parts, nobody has split the difference, and it
counts as ``other``.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum


class Component(StrEnum):
    """The parts of an amount."""

    PRINCIPAL = "principal"
    ORDINARY_INTEREST = "ordinary_interest"
    DEFAULT_INTEREST = "default_interest"
    FEES = "fees"
    TAX = "tax"
    OTHER = "other"


DEFAULT_ORDER = (
    Component.FEES,
    Component.DEFAULT_INTEREST,
    Component.ORDINARY_INTEREST,
    Component.TAX,
    Component.OTHER,
    Component.PRINCIPAL,
)
"""Principal is paid last, and interest before it (Mexico: Código Civil Federal, article 2094). Tax is levied on fees
and interest, so it follows them."""

COMPONENT_COLUMNS = ", ".join(Component)
"""SQL: the columns of the parts."""

_NOTHING = Decimal("0.00")


def unpaid_components(
    stated: Mapping[Component, Decimal] | None, amount: Decimal, unpaid: Decimal, order: Sequence[Component]
) -> dict[Component, Decimal]:
    """What is unpaid of each part of ``amount``. With ``unpaid`` equal to ``amount`` these are the parts themselves.

    ``stated`` are the known parts, in all; None: nobody has split the amount. The result adds up to ``unpaid``.
    """
    known = dict(stated or dict.fromkeys(Component, _NOTHING))
    known[Component.OTHER] += max(_NOTHING, amount - sum(known.values()))
    left, parts = unpaid, {}
    for component in reversed(order):
        parts[component] = min(known[component], left)
        left -= parts[component]
    return {component: parts[component] for component in Component}


_STATED = ", ".join(f"('{name}', coalesce(owed.{name}, 0))" for name in Component if name is not Component.OTHER)
_SUM = " + ".join(f"coalesce(owed.{name}, 0)" for name in Component)
# The window adds up the parts that are paid after this one, and this one itself.
_UNPAID = f"""
SELECT owed.calculated_on, part.name,
    greatest(0, least(part.stated, owed.unpaid - (sum(part.stated) OVER (
        PARTITION BY owed.number ORDER BY ordered.place DESC) - part.stated))) AS unpaid
FROM instalment AS owed
CROSS JOIN LATERAL (VALUES {_STATED},
    ('other', coalesce(owed.other, 0) + greatest(0, owed.amount - ({_SUM})))) AS part (name, stated)
JOIN unnest({{order}}) WITH ORDINALITY AS ordered (name, place) ON ordered.name = part.name
WHERE owed.contract_id = {{contract_id}} AND owed.unpaid > 0
"""


def components_json(contract_id: str, order: str) -> str:
    """SQL: what is unpaid of each part of a contract, as its events carry it. ``unpaid_components`` says the rule."""
    parts = ", ".join(
        f"'{name}', coalesce(sum(part.unpaid) FILTER (WHERE part.name = '{name}'), 0)::numeric(14, 2)::text"
        for name in Component
    )
    return f"""(SELECT jsonb_build_object({parts}, 'calculated_on', min(part.calculated_on))
        FROM ({_UNPAID.format(contract_id=contract_id, order=order)}) AS part)"""
