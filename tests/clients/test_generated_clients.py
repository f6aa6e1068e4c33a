"""The main job through clients that openapi-python-client makes of the services' OpenAPI documents.

`make client-check` runs it. A document that the generator does not understand whole fails the test.
"""

import importlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from recobro import keys
from recobro.data import DataFolder
from recobro_platform import SCOPES, SERVICES
from running_platform import PATIENCE_SECONDS, Platform, started_platform

HERE = Path(__file__).parent
GENERATOR = HERE.parents[1] / ".tools" / "clients" / "bin" / "openapi-python-client"
PACKAGE = "generated_clients"
AS_OF = date(2026, 11, 22)
"""The day of the sample portfolio."""

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif("RECOBRO_CLIENT_CHECK" not in os.environ, reason="needs the generator: make client-check"),
]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with started_platform() as running:
        yield running


class Clients:
    """The generated clients. ``call("portfolio", "contracts", "receive_payment", …)`` calls one operation."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        data = DataFolder(platform.data)
        token = keys.token(data, subject="clients", scopes=SCOPES, agency_id=None, ttl_seconds=3600)
        self._clients: dict[str, Any] = {}
        with platform.client() as client:
            for service in SERVICES:
                made = self.module(service.name, "client").AuthenticatedClient
                self._clients[service.name] = made(client.address(service.name), token, timeout=httpx.Timeout(60))

    def module(self, service: str, *path: str) -> ModuleType:
        return importlib.import_module(".".join([PACKAGE, service.replace("-", "_"), *path]))

    def model(self, service: str, model: str, /, **fields: Any) -> Any:
        """Make the body of a request."""
        return getattr(self.module(service, "models"), model)(**fields)

    def call(self, service: str, tag: str, operation: str, *arguments: Any, **more: Any) -> Any:
        """Return the parsed answer. A problem is an error."""
        answer = self.module(service, "api", tag, operation).sync_detailed(
            *arguments, client=self._clients[service], **more
        )
        assert answer.status_code < 300, answer.content
        assert answer.parsed is not None
        return answer.parsed


def until(read: Callable[[], Any], ready: Callable[[Any], bool]) -> Any:
    """Read again and again until ``ready`` holds, and return what was read."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not ready(found := read()):
        assert time.monotonic() < give_up, found
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def clients(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    folder = tmp_path_factory.mktemp("clients")
    package = folder / PACKAGE
    package.mkdir()
    (package / "__init__.py").touch()
    with platform.client() as client:
        addresses = {service.name: client.address(service.name) for service in SERVICES}
    for service, address in addresses.items():
        command: list[str] = [
            *(str(GENERATOR), "generate", "--url", f"{address}/openapi.json", "--meta", "none", "--fail-on-warning"),
            *("--config", str(HERE / "openapi-python-client.yaml")),
            *("--output-path", str(package / service.replace("-", "_"))),
        ]
        made = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield Clients(platform)
    sys.path.remove(str(folder))


def test_the_main_job_goes_through_generated_clients(clients: Clients, tmp_path: Path) -> None:
    sample = files("recobro").joinpath("sample", "cartera_mx.csv").read_bytes()
    file_type = clients.module("portfolio", "types").File
    kind = clients.module("portfolio", "models").CreditorKind
    creditor = clients.call(
        *("portfolio", "portfolios", "add_creditor"),
        body=clients.model("portfolio", "NewCreditor", name="Banco", kind=kind.FINANCIAL, country="MX"),
    )
    new = clients.model("portfolio", "NewPortfolio", creditor_id=creditor.creditor_id, name="Tarjetas")
    portfolio = clients.call("portfolio", "portfolios", "add_portfolio", body=new)
    (tmp_path / "cartera.csv").write_bytes(sample)
    with (tmp_path / "cartera.csv").open("rb") as content:
        file = clients.call(
            *("portfolio", "files", "upload_file", portfolio.portfolio_id),
            body=file_type(payload=content),
            as_of=AS_OF,
            filename="cartera.csv",
            confirm_future=True,
        )
    file = until(
        lambda: clients.call("portfolio", "files", "read_file", file.file_id),
        lambda file: file.status in {"loaded", "failed", "needs_confirmation"},
    )
    assert file.status == "loaded", file

    campaign = clients.call(
        *("dialer-feed", "campaigns", "create_campaign"),
        body=clients.model("dialer-feed", "NewCampaign", name="Mora", portfolio_ids=[portfolio.portfolio_id]),
    )
    wanted = clients.model("dialer-feed", "NewList", campaign_id=campaign.campaign_id, business_date=AS_OF)
    dialing_list = clients.call("dialer-feed", "lists", "request_list", body=wanted)
    dialing_list = until(
        lambda: clients.call("dialer-feed", "lists", "read_list", dialing_list.list_id),
        lambda found: found.status != "building",
    )
    assert dialing_list.status == "published"
    assert dialing_list.entries > 0
    entries = clients.call("dialer-feed", "lists", "stream_entries", dialing_list.list_id)
    assert entries.count(b"\n") == dialing_list.entries

    page = clients.call(
        "portfolio", "contracts", "find_contracts", portfolio_id=portfolio.portfolio_id, limit=1000, stage="early"
    )
    contract, other, *_ = (item for item in page.items if f'"{item.contract_number}"'.encode() in entries)
    payment = clients.call(
        *("portfolio", "contracts", "receive_payment", contract.contract_id),
        body=clients.model(
            "portfolio", "NewPayment", amount="10.00", paid_on=AS_OF, channel="spei", reference=uuid.uuid4().hex
        ),
    )
    assert payment.amount == "10.00"
    feed = clients.call("dialer-feed", "lists", "read_withdrawals", dialing_list.list_id, after=0, wait=30)
    assert [(item.contract_number, item.reason) for item in feed.items] == [(contract.contract_number, "payment")]

    promise = clients.call(
        *("promises", "promises", "make_promise"),
        body=clients.model(
            *("promises", "NewPromise"),
            contract_id=other.contract_id,
            amount=other.overdue_balance,
            due_on=AS_OF + timedelta(days=3),
            made_in=clients.module("promises", "models").MadeIn.CALL,
        ),
    )
    assert promise.state == "open"
