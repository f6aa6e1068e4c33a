"""The order of the ladder, and the notices without which no contract reaches its graver steps, without I/O."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from jurisdictions import profile
from recobro_events.contracts.portfolio import ApproachStep

STEPS = tuple(ApproachStep)
"""From the gentlest to the gravest. Within an episode a contract never goes back."""


class NoticeKind(StrEnum):
    """What was sent. The first three are the notices of a step; ``bureau`` announces a report to a credit bureau."""

    REMINDER = "reminder"
    EXTRAJUDICIAL = "extrajudicial"
    JUDICIAL = "judicial"
    BUREAU = "bureau"


STEP_OF_NOTICE: Mapping[NoticeKind, ApproachStep] = MappingProxyType(
    {
        NoticeKind.REMINDER: ApproachStep.REMINDER,
        NoticeKind.EXTRAJUDICIAL: ApproachStep.EXTRAJUDICIAL_NOTICE,
        NoticeKind.JUDICIAL: ApproachStep.JUDICIAL_NOTICE,
    }
)
"""A contract with this notice is at least at this step."""
EARLIER_NOTICE: Mapping[ApproachStep, NoticeKind] = MappingProxyType(
    {
        ApproachStep.EXTRAJUDICIAL_NOTICE: NoticeKind.REMINDER,
        ApproachStep.JUDICIAL_NOTICE: NoticeKind.EXTRAJUDICIAL,
    }
)
"""The notice that must have been sent in the episode before the contract reaches the step."""


def notices_before(step: ApproachStep, jurisdiction: str) -> tuple[NoticeKind, ...]:
    """The notices without which a contract does not reach ``step``.

    Where the jurisdiction's profile says so, a notice of the report to a credit bureau must have been sent too
    (``bureau_notice_first``; its source stands in the profile).
    """
    if step not in EARLIER_NOTICE:
        return ()
    demanded = profile(jurisdiction).further.get("bureau_notice_first")
    bureau = (NoticeKind.BUREAU,) if demanded is not None and demanded.value else ()
    return (EARLIER_NOTICE[step], *bureau)


def is_backward(kind: NoticeKind, step: ApproachStep | None) -> bool:
    """Whether this notice is gentler than the step at which the contract stands.

    A reminder may be recorded until the first notice of the law: the calls of ``direct_contact`` do not replace it.
    """
    if step is None or kind is NoticeKind.BUREAU:
        return False
    if kind is NoticeKind.REMINDER:
        return STEPS.index(step) > STEPS.index(ApproachStep.DIRECT_CONTACT)
    return STEPS.index(step) > STEPS.index(STEP_OF_NOTICE[kind])
