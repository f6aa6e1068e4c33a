"""What all ways of entering a lost event have in common: their requests, and a person's part of the work."""

from collections.abc import Mapping
from typing import Any

import httpx

from recobro.client import Client, Refused
from recobro.language import tr
from recobro.lost_lines import Line, Outcome

REASON = "entered again after a restore"
"""The reason of what is entered again, where the event states none."""


class ByHand(Exception):
    """A person has to do something about the line; the message says what. ``outcome`` is what became of the line."""

    def __init__(self, sentence: str, /, outcome: Outcome = Outcome.BY_HAND, **values: object) -> None:
        self.outcome = outcome
        super().__init__(tr(sentence, **values))


class Requests:
    """Requests about lost events. Twice the same request has its effect once."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def post(self, line: Line, service: str, path: str, body: Mapping[str, Any]) -> Any:
        """Send what the line states. The last part of the path keeps several requests of a line apart."""
        return self.client.post(service, path, body, key=f"reenter-{line.event_id}-{path.rpartition('/')[2]}")

    def found(self, service: str, path: str) -> Any | None:
        """Return the answer of the service, or None if it does not have this."""
        try:
            return self.client.get(service, path)
        except Refused as refused:
            if refused.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def is_there(self, service: str, path: str) -> bool:
        return self.found(service, path) is not None
