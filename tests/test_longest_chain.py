"""A barrier has a round for every step of the longest chain of events between services."""

from itertools import pairwise

import pytest
from consequences import Consequences, consequences, longest_chain
from recobro.log_settings import program_of
from recobro_events import REGISTRY
from recobro_platform import BARRIER_ROUNDS, LONGEST_CHAIN, service_named


@pytest.fixture(scope="module")
def of_all_services() -> Consequences:
    return consequences()


def test_the_named_longest_chain_exists_in_the_code(of_all_services: Consequences) -> None:
    first = LONGEST_CHAIN[0]
    facts = {name for name in REGISTRY if name.startswith(f"{first}.")}
    for earlier, later in pairwise(LONGEST_CHAIN):
        assert earlier in program_of(service_named(later)).consumer.listens_to, f"{later} does not listen to {earlier}"
        applied = facts & of_all_services[later].keys()
        assert applied, f"{later} handles no event that {earlier} publishes at this step of the chain"
        facts = {published for fact in applied for published in of_all_services[later][fact]}


def test_no_chain_in_the_code_is_longer_than_a_barrier_has_rounds(of_all_services: Consequences) -> None:
    found = longest_chain(of_all_services)
    steps = ", ".join(f"{step.service} applies {step.applied}" for step in found)
    assert len(found) == BARRIER_ROUNDS, f"LONGEST_CHAIN in recobro_platform differs from this chain: {steps}"


def test_known_consequences_are_found_in_the_code(of_all_services: Consequences) -> None:
    """A known chain proves that the search still finds consequences."""
    dispute, stage = "field-visits.clarification-requested.v1", "portfolio.contract-stage-changed.v1"
    recalled = "assignment.placement-recall-requested.v1"
    assert stage in of_all_services["portfolio"][dispute]
    assert recalled in of_all_services["assignment"][stage]
    assert "dialer-feed.list-entry-withdrawn.v1" in of_all_services["dialer-feed"][recalled]
    assert "field-visits.visit-cancelled.v1" in of_all_services["field-visits"][recalled]
    assert "promises.promise-kept.v1" in of_all_services["promises"]["portfolio.payment-received.v1"]
