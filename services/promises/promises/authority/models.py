"""A rule of authority as the API takes and shows it, and the rules that hold until others are approved."""

import re
from decimal import Decimal
from typing import Annotated, Literal

from chassis import Amount, InputModel, Percent, ShortText
from pydantic import AfterValidator
from recobro_events.contracts.promises import AgreementKind

_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)


def _role(name: str) -> str:
    if not _ROLE.fullmatch(name):
        raise ValueError("must be a word in small letters, such as supervisor")
    return name


RoleName = Annotated[ShortText, AfterValidator(_role)]
DiscountKind = Literal[AgreementKind.SETTLEMENT, AgreementKind.RESTRUCTURE, AgreementKind.FORGIVENESS]


class AuthorityRule(InputModel):
    """What a role may do with one kind of agreement. Each percentage is the discount's share of the total balance.

    ``propose_percent``: the largest discount that the role may propose; null: it proposes none.
    ``approve_percent``: the largest that it may approve; null: it approves nothing.
    ``alone_percent``: up to here its own proposal needs no second person; null: every proposal needs one.
    ``max_discount`` limits all three by the amount.
    """

    role: RoleName
    kind: DiscountKind
    propose_percent: Percent | None = None
    approve_percent: Percent | None = None
    alone_percent: Percent | None = None
    max_discount: Amount | None = None


_DEFAULT_PERCENT = {"operator": ("30", "0", None), "supervisor": ("50", "0", "50"), "director": ("100", "100", "100")}


def _default_rules() -> tuple[AuthorityRule, ...]:
    def rule(role: str, kind: DiscountKind) -> AuthorityRule:
        propose, propose_restructure, approve = _DEFAULT_PERCENT[role]
        is_restructure = kind is AgreementKind.RESTRUCTURE
        return AuthorityRule(
            role=role,
            kind=kind,
            propose_percent=Decimal(propose_restructure if is_restructure else propose),
            approve_percent=None if approve is None else Decimal(approve),
        )

    kinds: tuple[DiscountKind, ...] = (
        AgreementKind.SETTLEMENT,
        AgreementKind.RESTRUCTURE,
        AgreementKind.FORGIVENESS,
    )
    return tuple(rule(role, kind) for role in _DEFAULT_PERCENT for kind in kinds)


DEFAULT_RULES = _default_rules()
"""★ Our own default. Everybody's proposal needs a second person, who is at least a supervisor. An agency proposes no
discount."""
