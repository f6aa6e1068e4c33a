"""Profiles of creditors' files, and previews that propose them."""

import gzip
import os
import tempfile
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from portfolio.files import inspecting
from service_client import ServiceClient

STRANGE = b"k1;k2;k3;k4\nC-1;Ana;11/30/26;1.500,00\nC-2;Eva;12/01/26;x\n"
COLUMNS = [
    {"source": "k1", "field": "contract_number"},
    {"source": "k2", "field": "debtor_name"},
    {"source": "k3", "field": "due_date"},
    {"source": "k4", "field": "amount_due"},
]
PROFILE = {"name": "Banco mensual", "columns": COLUMNS, "dates": "mdy"}


async def creditor_of(service: ServiceClient, portfolio_id: UUID) -> str:
    return str((await service.get(f"/v1/portfolios/{portfolio_id}"))["creditor_id"])


async def sent(service: ServiceClient, portfolio_id: UUID, content: bytes, **query: Any) -> httpx.Response:
    day = {} if "amends" in query else {"as_of": "2026-09-10"}
    return await service.client.post(
        f"/v1/portfolios/{portfolio_id}/files",
        params={key: value for key, value in {**day, "confirm_future": True, **query}.items() if value is not None},
        content=content,
    )


async def kept(service: ServiceClient, creditor_id: str, **changes: Any) -> dict[str, Any]:
    answer = await service.client.post(f"/v1/creditors/{creditor_id}/file-profiles", json=PROFILE | changes)
    assert answer.status_code == 201, answer.text
    profile: dict[str, Any] = answer.json()
    return profile


async def test_a_file_with_strange_headers_loads_with_its_profile_and_its_rejects_come_back_without_it(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    profile = await kept(service, await creditor_of(service, portfolio_id))
    assert (await sent(service, portfolio_id, STRANGE)).status_code == 422
    file = (await sent(service, portfolio_id, STRANGE, profile=profile["profile_id"])).json()
    assert (file["profile_id"], file["profile_version"]) == (profile["profile_id"], 1)
    assert await service.loader.load_one()
    assert (await service.contract(portfolio_id, "C-1"))["total_balance"] == "1500.00"

    rejects = await service.client.get(f"/v1/files/{file['file_id']}/rejects")
    assert rejects.text.splitlines()[0].lstrip("\ufeff").split(",")[2:6] == ["k1", "k2", "k3", "k4"]
    amended = await sent(service, portfolio_id, rejects.content.replace(b",x,", b',"20,00",'), as_of=None)
    assert amended.json()["mode"] == "amend", amended.text
    assert await service.loader.load_one()
    assert (await service.contract(portfolio_id, "C-2"))["total_balance"] == "20.00"


async def test_each_change_of_a_profile_is_a_version_and_a_file_keeps_its_own(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    creditor_id = await creditor_of(service, portfolio_id)
    path = f"/v1/creditors/{creditor_id}/file-profiles"
    profile = await kept(service, creditor_id)
    first = (await sent(service, portfolio_id, STRANGE, profile=profile["profile_id"])).json()
    changed = await service.client.put(
        f"{path}/{profile['profile_id']}", json=PROFILE | {"constants": {"product": "X"}}
    )
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    again = await service.client.put(f"{path}/{profile['profile_id']}", json=PROFILE | {"constants": {"product": "X"}})
    assert again.json()["version"] == 2
    second = (await sent(service, portfolio_id, STRANGE, profile=profile["profile_id"])).json()
    assert second["profile_version"] == 2
    assert second["file_id"] != first["file_id"]
    await service.loader.load_one()
    assert (await service.contract(portfolio_id, "C-1"))["product"] is None
    listed = await service.get(path)
    assert [(item["version"], item["constants"]) for item in listed["items"]] == [(2, {"product": "X"})]
    assert (await service.client.post(path, json=PROFILE)).json()["type"].endswith("profile-exists")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"columns": COLUMNS[:3]}, "/columns"),
        ({"columns": [*COLUMNS, {"source": "K1", "field": "email"}]}, "/columns/4/source"),
        ({"columns": [*COLUMNS, {"source": "k5", "field": "amount_due"}]}, "/columns/4/field"),
        ({"constants": {"amount_due": "1"}}, "/constants/amount_due"),
        ({"columns": [*COLUMNS, {"source": "k5", "field": "shoe_size"}]}, "/columns/4/field"),
        ({"separator": "x"}, "/separator"),
        ({"shoe_size": 1}, "/shoe_size"),
    ],
)
async def test_a_profile_with_which_nothing_could_be_read_is_refused(
    service: ServiceClient, changes: dict[str, Any], pointer: str
) -> None:
    creditor_id = await creditor_of(service, await service.portfolio())
    answer = await service.client.post(f"/v1/creditors/{creditor_id}/file-profiles", json=PROFILE | changes)
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]


async def test_the_profile_of_another_creditor_is_refused(service: ServiceClient) -> None:
    theirs = await kept(service, await creditor_of(service, await service.portfolio()))
    answer = await sent(service, await service.portfolio(), STRANGE, profile=theirs["profile_id"])
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, "profile-unknown")


@pytest.mark.process
async def test_a_preview_proposes_a_profile_that_can_be_kept_and_stores_nothing(service: ServiceClient) -> None:
    portfolio_id = await service.portfolio()
    content = "Informe\nSucursal;Contrato;Nombre;Vencimiento;Saldo\n"
    content += "Norte;C-1;Ana;30/11/2026;1.500,00\nSur;C-2;;30/11/2026;2,00\n"
    answer = await service.client.post(
        f"/v1/portfolios/{portfolio_id}/file-previews",
        params={"filename": "enero.csv"},
        content=gzip.compress(content.encode()),
        headers={"Accept-Language": "es"},
    )
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert answer.headers["content-language"] == "es"
    assert (shown["format"], shown["separator"], shown["header_row"], shown["problem"]) == ("csv", ";", 2, None)
    assert [(column["source"], column["field"]) for column in shown["columns"]] == [
        ("Sucursal", None),
        ("Contrato", "contract_number"),
        ("Nombre", "debtor_name"),
        ("Vencimiento", "due_date"),
        ("Saldo", "amount_due"),
    ]
    assert shown["columns"][1]["examples"] == ["C-1", "C-2"]
    row = {"row_number": 2, "contract_number": "C-1", "debtor_name": "Ana", "due_date": "2026-11-30"}
    assert shown["rows"] == [row | {"amount_due": "1500.00"}]
    assert shown["rejects"][0]["errors"] == [{"column": "Nombre", "code": "no_name", "reason": "está vacío"}]
    assert "Sucursal" in shown["warnings"][0]
    assert await service.rows("SELECT FROM file") == []
    creditor_id = await creditor_of(service, portfolio_id)
    saved = await service.client.post(f"/v1/creditors/{creditor_id}/file-profiles", json=shown["profile"])
    assert (saved.status_code, saved.json()["name"], saved.json()["decimal"]) == (201, "enero", ",")


@pytest.mark.process
async def test_a_preview_of_strange_headers_shows_what_is_missing_and_a_broken_file_is_refused(
    service: ServiceClient,
) -> None:
    portfolio_id = await service.portfolio()
    path = f"/v1/portfolios/{portfolio_id}/file-previews"
    shown = (await service.client.post(path, content=STRANGE)).json()
    assert shown["problem"] == "missing_columns"
    assert [column["source"] for column in shown["columns"]] == ["k1", "k2", "k3", "k4"]
    profile = await kept(service, await creditor_of(service, portfolio_id))
    with_profile = await service.client.post(path, params={"profile": profile["profile_id"]}, content=STRANGE)
    assert with_profile.json()["rows"][0]["due_date"] == "2026-11-30"
    broken = await service.client.post(path, content=b"PK\x03\x04 and so on")
    assert (broken.status_code, broken.json()["type"].rpartition(":")[2]) == (422, "unsupported-type")
    upload = await sent(service, portfolio_id, b"PK\x03\x04 and so on")
    assert (upload.status_code, upload.json()["type"].rpartition(":")[2]) == (422, "unsupported-type")


def test_copies_that_a_killed_process_left_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old, new = inspecting.fresh_folder(), inspecting.fresh_folder()
    os.utime(old, (0, 0))
    last = inspecting.fresh_folder()
    assert sorted(tmp_path.iterdir()) == sorted([new, last])
