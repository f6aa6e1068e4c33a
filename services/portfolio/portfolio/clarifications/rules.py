"""The rules for resolving a clarification, without I/O."""

import jurisdictions
from recobro_events.contracts.portfolio import ClarificationOutcome

CORRECTING_OUTCOMES = frozenset({ClarificationOutcome.UPHELD, ClarificationOutcome.PARTLY_UPHELD})
"""The outcomes that carry corrected amounts."""


def resolution_allowed(state: str, contact_may_resume: bool | None, outcome: ClarificationOutcome) -> bool:
    """Whether a clarification may be resolved with this outcome.

    An open one may have any outcome. A rejected one after which contact stays stopped may only become ``verified``.
    """
    if state == ClarificationOutcome.REJECTED and contact_may_resume is False:
        return outcome is ClarificationOutcome.VERIFIED
    return state == "open"


def ends_silence(outcome: ClarificationOutcome, jurisdiction: str) -> bool:
    """Whether contact may resume. After a rejection some jurisdictions require the verification to be sent first."""
    if outcome is not ClarificationOutcome.REJECTED:
        return True
    return jurisdictions.contact_may_resume_after_rejection(jurisdictions.profile(jurisdiction))


def missing_proof(
    outcome: ClarificationOutcome, jurisdiction: str, document: str | None, proof_of_sending: str | None
) -> list[str]:
    """What a debt that is to count as verified still needs, by the names of the fields of a resolution."""
    if outcome is not ClarificationOutcome.VERIFIED:
        return []
    if not jurisdictions.verification_needs_proof(jurisdictions.profile(jurisdiction)):
        return []
    given = {"document": document, "proof_of_sending": proof_of_sending}
    return [name for name, value in given.items() if value is None]
