"""The attacked platform: its addresses, tokens of an operator and of an agency, and a debtor as a canary."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from payments import load
from recobro import keys
from recobro.client import Client
from recobro.data import DataFolder
from recobro_platform import SCOPES, SERVICES
from running_platform import Platform

AS_OF = date(2026, 11, 22)
NAME, TAX_ID, PHONE, STREET = "Zenobia Quetzalcanario", "CACK661212C70", "8187654321", "Calle Canario Escondido"
CANARIES = ("Quetzalcanario", TAX_ID, PHONE, "Canario Escondido")
"""Personal data that may stand in tables and answers, and nowhere else."""
HEADER = (
    "No. Contrato,No. Cliente,Nombre / Razón social,Tipo de persona,RFC,Producto,No. Mensualidad,Fecha de vencimiento,"
    "Importe vencido,Teléfono 1,Teléfono 2,Correo electrónico,Tipo de domicilio,Calle,Núm. ext.,Núm. int.,Colonia,C.P.,"
    "Municipio,Estado"
)


@dataclass(frozen=True)
class Target:
    """A platform to attack. ``agency_id`` has the contract ``contract_id``."""

    platform: Platform
    addresses: dict[str, str]
    operator: str
    agency: str
    agency_id: str
    portfolio_id: str
    contract_id: str
    traces: list[bytes]

    def headers(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def is_ready(self) -> bool:
        """Whether every service answers that it can do its work."""
        return all(httpx.get(f"{url}/readyz", timeout=30).status_code == 200 for url in self.addresses.values())

    def outputs(self) -> Iterator[tuple[str, bytes]]:
        """Whatever the platform writes beside its tables: logs, PostgreSQL's among them, traces and metrics."""
        yield "traces", b"".join(self.traces)
        for log in [*(self.platform.data / "logs").glob("*"), self.platform.data / "postgres" / "postgres.log"]:
            yield log.name, log.read_bytes()
        for name, url in self.addresses.items():
            yield f"metrics of {name}", httpx.get(f"{url}/metrics", timeout=30).content


def furnished(platform: Platform, traces: list[bytes]) -> Target:
    """Load a portfolio of one debtor, and place the contract with an agency."""
    with platform.client() as client:
        addresses = {service.name: client.address(service.name) for service in SERVICES}
        agency_id = client.post("assignment", "/v1/agencies", {"name": f"Attack {uuid.uuid4().hex[:6]}"})["agency_id"]
        terms = {"kinds": ["dialing", "visits"], "starts_on": "2026-01-01", "recall_grace_days": 5}
        terms |= {"fees": [{"kind": "dialing", "from_days": 0, "percent": "10"}]}
        client.post("assignment", f"/v1/agencies/{agency_id}/service-contracts", terms)
        shares = [{"agency_id": agency_id, "weight": 1}]
        rule = {"name": "all", "priority": 1, "kind": "dialing", "when": {"min_overdue": "1.00"}, "shares": shares}
        client.post("assignment", "/v1/placement-rules", rule)
        creditor = client.post("portfolio", "/v1/creditors", {"name": "attack", "kind": "financial", "country": "MX"})
        new = {"creditor_id": creditor["creditor_id"], "name": "attack", "currency": "MXN", "jurisdiction": "MX"}
        portfolio_id = client.post("portfolio", "/v1/portfolios", new)["portfolio_id"]
        contract_id = _loaded(client, portfolio_id)
    data = DataFolder(platform.data)
    operator = keys.token(data, subject="attacker", scopes=SCOPES, agency_id=None, ttl_seconds=7200)
    agency = keys.token(data, subject="agency", scopes=SCOPES, agency_id=uuid.UUID(agency_id), ttl_seconds=7200)
    return Target(platform, addresses, operator, agency, agency_id, portfolio_id, contract_id, traces)


def _loaded(client: Client, portfolio_id: str) -> str:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "one.csv"
        row = f"CAN-1,D-1,{NAME},Física,{TAX_ID},tarjeta,1,01/09/2026,1500.00,{PHONE},,"
        row += f",Particular,{STREET},12,,Centro,64000,Monterrey,Nuevo León"
        file.write_text(f"{HEADER}\n{row}\n")
        load(client, portfolio_id, file, AS_OF)
    [found] = client.get("portfolio", "/v1/contracts", portfolio_id=portfolio_id)["items"]
    contract_id: str = found["contract_id"]
    return contract_id
