"""A big file is checked in parts. What is found is the same as when it is checked at once."""

from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import pytest
from portfolio.files.reader import partitions
from portfolio.files.reader.checks import Reading
from portfolio.files.reader.contracts import Contracts
from portfolio.files.reader.rows import Summary, read_portfolio_file
from portfolio.files.reader.trailers import Controls
from portfolio.tabular.records import FileProblem
from portfolio_files import rows_of

SAMPLE = (files("recobro") / "sample" / "cartera_mx.csv").read_bytes().decode("cp1252").splitlines()
HEAD = (
    "Contrato,Cliente,Nombre,Vencimiento,Importe,Parcialidades,Frecuencia,Teléfono 1,Zona,Nombre del aval,"
    "Teléfono del aval"
)
PLANS = [
    HEAD,
    *(
        f"C-{n},K-{n},Ana {n},30/11/2026,{n}00.10,3,mensual,55123400{n:02},norte,Eva {n},55123411{n:02}"
        for n in range(1, 60)
    ),
    "C-7,K-8,Otra,30/12/2026,100.00,1,mensual,,sur,,",
    "C-8,K-8,Ana 8,30/11/2026,800.10,3,mensual,,sur,,",
    ",K-9,Ana,30/11/2026,100.00,1,mensual,,sur,,",
    "C-9,K-9,Ana 9,31/02/2026,1.00,1,mensual,,sur,,",
    " C-10 ,K-10,Ana 10,15/01/2027,5.00,1,mensual,5512349999,sur,Eva 10,",
    "C-11,too,few",
]


def results(folder: Path, lines: list[str], controls: Controls | None = None) -> tuple[Summary, dict[str, list[str]]]:
    """What the reader finds; the rows of each of its files in one order."""
    folder.mkdir()
    path, out = folder / "file.csv", folder / "out"
    path.write_text("\n".join(lines), encoding="utf-8")
    out.mkdir()
    contracts = Contracts(out, "MX", UUID(int=1), UUID(int=2))
    summary = read_portfolio_file(path, out, Reading("MX", "MXN"), contracts, controls=controls or Controls())
    return summary, {each.name: sorted(map(str, rows_of(each))) for each in sorted(out.iterdir())}


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "PARTITION_BYTES", 600)
    monkeypatch.setattr(partitions, "ROWS_IN_MEMORY", 1)


@pytest.mark.parametrize("lines", [[*SAMPLE, *SAMPLE[40:90], "x,y", ""], PLANS], ids=["sample", "plans"])
def test_parts_are_checked_as_the_whole_file(tmp_path: Path, lines: list[str], request: pytest.FixtureRequest) -> None:
    whole, files_of_whole = results(tmp_path / "whole", lines)
    request.getfixturevalue("in_parts")
    summary, found = results(tmp_path / "parts", lines)
    assert (replace(summary, layout={}), summary.layout) == (replace(whole, layout={}), whole.layout)
    assert summary.rows_rejected > 2
    assert found == files_of_whole


@pytest.mark.usefixtures("in_parts")
def test_rows_of_a_part_are_read_as_the_column_of_the_whole_file_shows(tmp_path: Path) -> None:
    """One row shows the decimal sign; the others could be read in two ways."""
    lines = [
        "contract_number,debtor_name,due_date,amount_due",
        *(f'C-{n},Ana,2026-11-30,"{n + 100},500"' for n in range(90)),
    ]
    _, found = results(tmp_path / "groups", [*lines, 'C-90,Ana,2026-11-30,"1,234.50"'])
    assert sum("'amount': '100500.00'" in row for row in found["accepted.csv"]) == 1
    with pytest.raises(FileProblem) as problem:
        results(tmp_path / "unsure", lines)
    assert problem.value.code == "ambiguous_amounts"


@pytest.mark.usefixtures("in_parts")
def test_totals_are_those_of_all_parts(tmp_path: Path) -> None:
    total = sum(100 * n for n in range(1, 60))
    lines = [HEAD, *(f"C-{n},K-{n},Ana,30/11/2026,{n}00,1,mensual,,,," for n in range(1, 60))]
    summary, _ = results(tmp_path / "right", [*lines, f"TOTAL,59,,,{total}.00,,,,,,"])
    assert (summary.rows_accepted, summary.amount_accepted, summary.contracts) == (59, Decimal(total), 59)
    with pytest.raises(FileProblem) as problem:
        results(tmp_path / "wrong", [*lines, f"TOTAL,59,,,{total + 1}.00,,,,,,"])
    assert problem.value.code == "control_totals_differ"


@pytest.mark.usefixtures("in_parts")
def test_files_of_parts_are_deleted(tmp_path: Path) -> None:
    _, found = results(tmp_path / "parts", PLANS)
    assert not [name for name in found if name.startswith("partition")]
