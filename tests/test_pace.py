"""What silences a contract, and what ends a silence, never waits for other events."""

from recobro.log_settings import program_of
from recobro_events.contracts.portfolio import PaymentReceived
from recobro_platform import SERVICES


def test_only_the_promises_of_a_payment_wait() -> None:
    paced = {service.name: program_of(service).consumer.paced for service in SERVICES}
    assert {name: types for name, types in paced.items() if types} == {"promises": {PaymentReceived}}
