"""What silences a contract, and what ends a silence, never waits for other events."""

from portfolio.handlers import consumer
from recobro.log_settings import program_of
from recobro_events.contracts.portfolio import PaymentReceived
from recobro_platform import SERVICES


def test_only_the_promises_of_a_payment_and_lines_of_history_wait() -> None:
    paced = {service.name: program_of(service).consumer.paced for service in SERVICES}
    lines = {event_type.__name__ for event_type in consumer.paced}
    assert {name: types for name, types in paced.items() if types} == {
        "promises": {PaymentReceived},
        "portfolio": consumer.paced,
    }
    assert lines == {
        "ListEntryWithdrawn",
        "PaymentClaimed",
        "ProposalChanged",
        "VisitCancelled",
        "VisitOrdered",
        "VisitReinstated",
        "WithdrawalAcknowledged",
        "WrongfulCallDetected",
    }
