"""A barrier has a round for every step that a fact may take from service to service."""

from itertools import pairwise

import pytest
from consequences import Consequences, consequences, longest_chain
from recobro.log_settings import program_of
from recobro_events import REGISTRY
from recobro_platform import BARRIER_ROUNDS, LONGEST_CHAIN, service_named


@pytest.fixture(scope="module")
def of_everybody() -> Consequences:
    return consequences()


def test_the_longest_chain_is_one_that_the_code_makes(of_everybody: Consequences) -> None:
    first = LONGEST_CHAIN[0]
    facts = {name for name in REGISTRY if name.startswith(f"{first}.")}
    for earlier, later in pairwise(LONGEST_CHAIN):
        assert earlier in program_of(service_named(later)).consumer.listens_to, f"{later} does not listen to {earlier}"
        heard = facts & of_everybody[later].keys()
        assert heard, f"{later} handles nothing of what {earlier} publishes at that place of the chain"
        facts = {said for fact in heard for said in of_everybody[later][fact]}


def test_no_fact_has_a_longer_way_than_a_barrier_waits_for(of_everybody: Consequences) -> None:
    found = longest_chain(of_everybody)
    told = ", ".join(f"{step.service} hears {step.heard}" for step in found)
    assert len(found) == BARRIER_ROUNDS, f"LONGEST_CHAIN in recobro_platform is not this: {told}"


def test_what_leads_to_what_is_found_in_the_code(of_everybody: Consequences) -> None:
    """A chain that is known, so that the search cannot become blind without anybody noticing."""
    dispute, stage = "field-visits.clarification-requested.v1", "portfolio.contract-stage-changed.v1"
    recalled = "assignment.placement-recall-requested.v1"
    assert stage in of_everybody["portfolio"][dispute]
    assert recalled in of_everybody["assignment"][stage]
    assert "dialer-feed.list-entry-withdrawn.v1" in of_everybody["dialer-feed"][recalled]
    assert "field-visits.visit-cancelled.v1" in of_everybody["field-visits"][recalled]
    assert "promises.promise-kept.v1" in of_everybody["promises"]["portfolio.payment-received.v1"]
