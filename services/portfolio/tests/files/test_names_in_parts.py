"""A name in several columns is joined before the rows are checked."""

import csv
import io
from typing import Any
from uuid import UUID

import pytest
from service_client import ServiceClient

HEADER = "No. Contrato;Razón social;Nombre(s);Apellido paterno;Apellido materno;Fecha de vencimiento;Importe vencido"
FILE = f"""{HEADER}
A-1;;José Luis;Muñoz;Ibáñez;01/08/2026;100.00
B-1;Comercial del Sur SA;;;;01/08/2026;200.00
C-1;;Ana;;;01/08/2026;300.00
D-1;Eva Gil Paz;Eva;Gil;Paz;01/08/2026;400.00
E-1;;;;;01/08/2026;500.00
"""
QUERY: dict[str, str | bool] = {"as_of": "2026-09-10", "confirm_future": True}


async def sent(service: ServiceClient, portfolio_id: UUID, text: str, **query: Any) -> dict[str, Any]:
    """Load a file, and return it afterwards."""
    path = f"/v1/portfolios/{portfolio_id}/files"
    answer = await service.client.post(path, params=QUERY | query, content=text.encode())
    assert answer.status_code == 202, answer.text
    assert await service.loader.load_one()
    return await service.file(answer.json()["file_id"])


async def name_of(service: ServiceClient, portfolio_id: UUID, number: str) -> str:
    return str((await service.contract(portfolio_id, number))["debtor"]["name"])


async def test_the_parts_of_a_name_are_joined_and_a_whole_name_counts_before_them(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    file = await sent(service, portfolio_id, FILE)
    assert (file["status"], file["rows_accepted"], file["rows_rejected"]) == ("loaded", 4, 1)
    names = [await name_of(service, portfolio_id, f"{letter}-1") for letter in "ABCD"]
    assert names == ["José Luis Muñoz Ibáñez", "Comercial del Sur SA", "Ana", "Eva Gil Paz"]

    # The row without any part comes back with all its cells, and is corrected in one of them.
    head, line = await service.rejects(file["file_id"])
    assert head[3:7] == ["Razón social", "Nombre(s)", "Apellido paterno", "Apellido materno"]
    assert "Razón social: is empty" in line[1]
    line[4:6] = ["Rosa", "Soto"]
    corrected = io.StringIO(newline="")
    csv.writer(corrected).writerows((head, line))
    path = f"/v1/portfolios/{portfolio_id}/files"
    amended = await service.client.post(path, content=corrected.getvalue().encode())
    assert amended.status_code == 202, amended.text
    assert await service.loader.load_one()
    assert await name_of(service, portfolio_id, "E-1") == "Rosa Soto"


@pytest.mark.parametrize("given", ["Ana López Ruiz", "López Ruiz Ana", "Ana"])
async def test_surnames_beside_a_name_that_has_them_are_not_joined_again(service: ServiceClient, given: str) -> None:
    portfolio_id = await service.portfolio()
    head = "Contrato;Nombre del cliente;Apellido paterno;Apellido materno;Vencimiento;Saldo"
    await sent(service, portfolio_id, f"{head}\nA-1;{given};LÓPEZ;RUIZ;01/08/2026;100.00\n")
    name = await name_of(service, portfolio_id, "A-1")
    assert name == (given if "López" in given else "Ana LÓPEZ RUIZ")


@pytest.mark.process
async def test_the_preview_shows_the_name_and_its_profile_reads_the_file(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    answer = await service.client.post(
        f"/v1/portfolios/{portfolio_id}/file-previews", content=FILE.encode(), headers={"Accept-Language": "es"}
    )
    shown = answer.json()
    assert [column["field"] for column in shown["columns"]][1:5] == [
        *("debtor_name", "given_name", "first_surname", "second_surname")
    ]
    first = shown["rows"][0]
    assert (first["debtor_name"], first["given_name"]) == ("José Luis Muñoz Ibáñez", "José Luis")
    told = "Donde 'Razón social' está vacío, el nombre se une de estas columnas:"
    assert f"{told} 'Nombre(s)', 'Apellido paterno', 'Apellido materno'." in shown["warnings"]

    creditor_id = (await service.get(f"/v1/portfolios/{portfolio_id}"))["creditor_id"]
    profile = {name: value for name, value in shown["profile"].items() if name != "format"} | {"name": "in parts"}
    kept = await service.client.post(f"/v1/creditors/{creditor_id}/file-profiles", json=profile)
    assert kept.status_code == 201, kept.text
    strange = FILE.replace("Nombre(s)", "N1").replace("Apellido paterno", "N2").replace("Apellido materno", "N3")
    columns = [
        column | {"source": {"Nombre(s)": "N1", "Apellido paterno": "N2", "Apellido materno": "N3"}[column["source"]]}
        if column["source"] in ("Nombre(s)", "Apellido paterno", "Apellido materno")
        else column
        for column in profile["columns"]
        if column["field"] != "debtor_name"
    ]
    path = f"/v1/creditors/{creditor_id}/file-profiles/{kept.json()['profile_id']}"
    assert (await service.client.put(path, json=profile | {"columns": columns})).status_code == 200
    file = await sent(service, portfolio_id, strange, profile=kept.json()["profile_id"])
    assert (file["rows_accepted"], file["rows_rejected"]) == (3, 2)
    assert await name_of(service, portfolio_id, "A-1") == "José Luis Muñoz Ibáñez"


async def test_a_file_without_a_name_is_told_of_the_parts(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    text = "Contrato;Apellido paterno;Vencimiento;Saldo\nA-1;López;01/08/2026;100.00\n"
    path = f"/v1/portfolios/{portfolio_id}/files"
    answer = await service.client.post(path, params=QUERY, content=text.encode(), headers={"Accept-Language": "es"})
    assert answer.status_code == 422
    told = "'Nombre / Razón social' (debtor_name) / 'Nombre(s)' (given_name) + 'Apellido paterno' (first_surname)"
    assert answer.json()["detail"].startswith(f"El encabezado no nombra las columnas {told}.")


async def test_a_name_that_is_too_long_when_joined_is_rejected(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    head = "Contrato;Nombre(s);Apellidos;Vencimiento;Saldo"
    long, limit = "x" * 150, "x" * 99
    lines = [f"A-1;{long};{long};01/08/2026;100.00", f"B-1;{limit} ;{limit}x;01/08/2026;100.00"]
    file = await sent(service, portfolio_id, "\n".join((head, *lines)))
    assert (file["rows_accepted"], file["rows_rejected"]) == (1, 1)
    [reject] = (await service.rejects(file["file_id"]))[1:]
    assert "Nombre(s): makes a name longer than 200 characters with the other parts" in reject[1]
