"""`recobro demo --remove` takes what the demo has created out of the work, and touches nothing else."""

import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest
from operated import invoked
from recobro.client import connect
from recobro.data import DataFolder
from running_platform import Platform

pytestmark = [pytest.mark.process, pytest.mark.timeout(600)]

CREDITOR = "Financiera La Laguna"
DAY = "2026-11-22"


def contracts_file(path: Path, *numbers: str) -> None:
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(["No. Contrato", "Nombre", "Fecha de vencimiento", "Importe vencido"])
    rows.writerows([number, "Inés Vara Ruiz", "15/10/2026", "1500.00"] for number in numbers)
    path.write_text(written.getvalue(), encoding="utf-8")


def test_the_next_morning_knows_nothing_of_the_demo(platform: Platform, tmp_path: Path) -> None:
    environment = {"RECOBRO_URL": None, "RECOBRO_DATA": str(platform.data), "LC_ALL": "es_MX.UTF-8", "COLUMNS": "100"}

    def recobro(*arguments: str) -> str:
        done = invoked(arguments, environment)
        assert done.exit_code == 0, done.output
        return str(done.output)

    for name, number in (("Cartera demo 1", "DEMO-1"), ("Cartera de verdad", "VERDAD-1")):
        contracts_file(tmp_path / f"{number}.csv", number)
        recobro("create-portfolio", name, "--creditor", CREDITOR)
        recobro("load", str(tmp_path / f"{number}.csv"), "--portfolio", name, "--as-of", DAY)
    with connect(DataFolder(platform.data), None) as client:
        ids = {one["name"]: one["portfolio_id"] for one in client.items("portfolio", "/v1/portfolios")}
        agency = client.post("assignment", "/v1/agencies", {"name": "Llamadas del Norte"})["agency_id"]
        service = {"kinds": ["dialing"], "starts_on": "2026-01-01", "fees": [], "recall_grace_days": 5}
        service["fees"] = [{"kind": "dialing", "from_days": 1, "percent": "6"}]
        client.post("assignment", f"/v1/agencies/{agency}/service-contracts", service)

        def rule(name: str) -> Any:
            body = {"name": name, "priority": 900, "kind": "dialing", "when": {"portfolio_ids": [ids[name]]}}
            body["shares"] = [{"agency_id": agency, "weight": 1}]
            return client.post("assignment", "/v1/placement-rules", body)["rule_id"]

        demos, real = rule("Cartera demo 1"), rule("Cartera de verdad")

        deadline = time.monotonic() + 120
        while len(list(client.items("assignment", "/v1/placements", agency_id=agency, state="active"))) < 2:
            assert time.monotonic() < deadline
            client.post("assignment", "/v1/placement-runs", {})
        shown = recobro("demo", "--remove")
        assert "Fuera del trabajo: Cartera demo 1" in shown
        assert "Cartera de verdad" not in shown
        assert "Contratos cerrados: 1." in shown
        assert "Contratos cerrados: 0." in recobro("demo", "--remove")

        states = {
            number: client.get("portfolio", "/v1/contracts", number=number)["items"][0]["state"]
            for number in ("DEMO-1", "VERDAD-1")
        }
        assert states == {"DEMO-1": "returned", "VERDAD-1": "open"}
        placements = client.items("assignment", "/v1/placements", agency_id=agency)
        assert sorted(one["state"] for one in placements) == ["active", "recalled"]
        ended = {one["rule_id"]: one["ended_at"] for one in client.items("assignment", "/v1/placement-rules")}
        assert ended[demos] is not None
        assert ended[real] is None
        assert ids["Cartera demo 1"] not in {job["of"] for job in client.get("portfolio", "/v1/jobs")}
    listed = recobro("portfolios")
    assert ("Cartera de verdad" in listed, "Cartera demo 1" in listed) == (True, False)
