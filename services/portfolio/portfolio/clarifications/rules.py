"""How a clarification may be resolved, decided without I/O."""

import jurisdictions
from recobro_events.contracts.portfolio import ClarificationOutcome

CORRECTING_OUTCOMES = frozenset({ClarificationOutcome.UPHELD, ClarificationOutcome.PARTLY_UPHELD})
"""The outcomes that carry corrected amounts."""


def resolution_allowed(state: str, contact_may_resume: bool | None, outcome: ClarificationOutcome) -> bool:
    """An open clarification may end in any way; one whose rejection left contact stopped, only as ``verified``."""
    if state == ClarificationOutcome.REJECTED and contact_may_resume is False:
        return outcome is ClarificationOutcome.VERIFIED
    return state == "open"


def ends_silence(outcome: ClarificationOutcome, jurisdiction: str) -> bool:
    """Whether contact may resume; after a rejection some jurisdictions want the verification sent first."""
    if outcome is not ClarificationOutcome.REJECTED:
        return True
    return jurisdictions.contact_may_resume_after_rejection(jurisdictions.profile(jurisdiction))
