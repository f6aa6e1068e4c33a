"""Banks' files for tests, and portfolios whose contracts their payments are for."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from service_client import ServiceClient, row

HEADER = "Fecha de pago,Importe,Clave de rastreo,No. Contrato,Referencia de pago,CLABE,Concepto,Ordenante,Reverso"


def csv_file(*rows: str, header: str = HEADER) -> str:
    return "\n".join((header, *rows)) + "\n"


async def portfolio(service: ServiceClient, contracts: int = 4) -> UUID:
    """A portfolio whose contracts C-1, C-2 … owe two instalments of 100.00."""
    portfolio_id = await service.portfolio()
    rows = [row(f"C-{n}", i, due_date=f"2026-0{6 + i}-05") for n in range(1, contracts + 1) for i in (1, 2)]
    await service.load(portfolio_id, *rows)
    return portfolio_id


async def unpaid(service: ServiceClient, portfolio_id: UUID, number: str) -> Decimal:
    return Decimal((await service.contract(portfolio_id, number))["total_balance"])


def counts(file: dict[str, Any]) -> dict[str, int]:
    names = ("payments", "known", "reversals", "unidentified", "rows_rejected")
    return {name: file[name] for name in names if file[name]}


async def name(service: ServiceClient, portfolio_id: UUID, number: str, **names: str) -> None:
    contract_id = uuid5(portfolio_id, number)
    answer = await service.client.put(f"/v1/contracts/{contract_id}/payment-names", json=names)
    assert answer.status_code == 200, answer.text
