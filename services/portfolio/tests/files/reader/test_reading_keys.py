"""Whole portfolio files are read, and the figures are compared with their keys."""

import json
import subprocess
import sys
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from portfolio_files import SAMPLE, SAMPLE_KEY, Read, read

pytestmark = pytest.mark.process

GENERATOR = Path(__file__).parents[5] / "bench" / "make_portfolio.py"
CODE_OF_FAULT = {"amount_text": "bad_amount", "nul_char": "control_character"}


def test_reading_the_sample_portfolio_gives_the_figures_of_its_key(tmp_path: Path) -> None:
    path = tmp_path / "cartera_mx.csv"
    path.write_bytes(SAMPLE.read_bytes())
    check_against_key(read(path), json.loads(SAMPLE_KEY.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("seed", "as_of", "faults"), [(5, "2024-02-29", 60), (6, "2031-01-01", 0)])
def test_reading_a_generated_file_gives_the_figures_of_its_key(
    tmp_path: Path, seed: int, as_of: str, faults: int
) -> None:
    path = tmp_path / "other.csv"
    arguments = ["--rows", "2000", "--seed", str(seed), "--as-of", as_of, "--faults", str(faults)]
    subprocess.run([sys.executable, GENERATOR, path, *arguments], check=True, capture_output=True, timeout=240)
    check_against_key(read(path), json.loads(path.with_suffix(".key.json").read_text(encoding="utf-8")))


def check_against_key(found: Read, key: dict[str, Any]) -> None:
    summary = found.summary
    assert (summary.rows_read, summary.rows_accepted, summary.rows_rejected, summary.contracts) == (
        key["rows"],
        key["accepted"],
        key["rejected"],
        key["contracts"],
    )
    assert summary.amount_accepted == Decimal(key["amount_accepted"])
    expected = {reject["row"]: [CODE_OF_FAULT.get(reject["fault"], reject["fault"])] for reject in key["rejects"]}
    assert found.codes == expected

    as_of = date.fromisoformat(key["as_of"])
    contracts: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in found.accepted:
        contracts[row["contract_number"]].append(row)
    for number, figures in key["sample"].items():
        assert position(contracts[number], as_of) == expected_position(figures)
    positions = [position(rows, as_of) for rows in contracts.values()]
    stages = {stage: (counts["contracts"], Decimal(counts["overdue"])) for stage, counts in key["stages"].items()}
    assert {stage: stage_total(positions, stage) for stage in stages} == stages
    dialled = [p for p in positions if p["stage"] in ("early", "late") and p["overdue"] > 100 and p["phones"]]
    assert len(dialled) == key["blaster_over_100_early_or_late_with_phone"]


def position(rows: list[dict[str, str]], as_of: date) -> dict[str, Any]:
    due = [(date.fromisoformat(row["due_on"]), Decimal(row["amount"])) for row in rows]
    days = max(0, (as_of - min(day for day, _ in due)).days)
    first = rows[0]
    return {
        "name": first["debtor_name"],
        "state": first["state"],
        "instalments": len(rows),
        "overdue": sum(amount for day, amount in due if day < as_of),
        "total": sum(amount for _, amount in due),
        "days_past_due": days,
        "stage": "current" if days < 1 else "early" if days <= 30 else "late" if days <= 90 else "legal",
        "phones": [phone for phone in (first["phone_1_e164"], first["phone_2_e164"]) if phone],
    }


def expected_position(figures: dict[str, Any]) -> dict[str, Any]:
    return figures | {"overdue": Decimal(figures["overdue"]), "total": Decimal(figures["total"])}


def stage_total(positions: list[dict[str, Any]], stage: str) -> tuple[int, Decimal]:
    overdue = [p["overdue"] for p in positions if p["stage"] == stage]
    return len(overdue), sum(overdue, Decimal(0))
