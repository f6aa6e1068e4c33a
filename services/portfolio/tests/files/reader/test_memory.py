"""The memory of reading is bounded by the size of the file, whatever is in it."""

import json
from pathlib import Path
from uuid import UUID

import pytest
from portfolio.files import reading
from portfolio.files.reader import rows
from portfolio.files.reading import FileRefused
from portfolio.files.work import Work
from portfolio.tabular.csv import (
    MAX_DELIMITERS,
    MAX_KEPT_CHARACTERS,
    MAX_KEPT_FIELDS,
    encoding_of,
    records,
)
from portfolio.tabular.heads import inspect_head
from portfolio.tabular.records import FileProblem
from portfolio_builders import TODAY
from portfolio_files import file_of, line, read

WORK = Work(UUID(int=1), UUID(int=2), UUID(int=3), "MX", "delta", TODAY, "received")


def test_a_line_of_delimiters_is_never_split(tmp_path: Path) -> None:
    path = file_of(tmp_path, line(), "," * 900_000, '"' + "," * 900_000, line(contract_number="C-2"))
    head = inspect_head(path.read_bytes()[:60_000])
    widest = max(len(record.fields) for record in records(path, encoding_of(path), head))
    assert widest <= MAX_KEPT_FIELDS
    found = read(path)
    assert (found.codes, found.accepted_numbers) == ({3: ["too_many_fields"], 4: ["too_many_fields"]}, [2, 5])


def test_a_row_of_some_hundred_fields_keeps_the_first_ones(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, ",".join(["x"] * (MAX_DELIMITERS - 1))))
    assert found.codes == {2: ["ragged"]}
    assert len(json.loads(found.rejected[0]["cells"])) == MAX_KEPT_FIELDS


def test_long_cells_of_a_rejected_row_are_cut(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(street="x" * 9_000)))
    assert found.codes == {2: ["too_long"]}
    assert max(map(len, json.loads(found.rejected[0]["cells"]))) == MAX_KEPT_CHARACTERS


def test_rows_of_delimiters_alone_are_blank(tmp_path: Path) -> None:
    found = read(file_of(tmp_path, line(), "," * 19, "," * 5))
    assert (found.summary.rows_read, found.rejected) == (1, [])


def test_a_file_with_too_many_bad_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_REJECTED_ROWS", 2)
    bad = [line(contract_number=f"C-{n}", amount_due="x") for n in range(2)]
    assert len(read(file_of(tmp_path, *bad)).rejected) == 2
    other = tmp_path / "more"
    other.mkdir()
    with pytest.raises(FileProblem) as problem:
        read(file_of(other, *bad, "ragged"))
    assert problem.value.code == "too_many_rejects"


@pytest.mark.process
@pytest.mark.parametrize("megabytes", [60, 130])
async def test_a_file_that_needs_more_memory_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, megabytes: int
) -> None:
    monkeypatch.setattr(reading, "MEMORY_BASE", megabytes << 20)
    monkeypatch.setattr(reading, "MEMORY_PER_BYTE", 0)
    path = file_of(tmp_path, *(line(contract_number=f"C-{n}") for n in range(60_000)))
    with pytest.raises(FileRefused) as refused:
        await reading.read_in_child(WORK, path, tmp_path)
    assert refused.value.code == "out_of_memory"
    assert "Split it into smaller files" in refused.value.detail
