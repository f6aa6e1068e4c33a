"""The demo's output prints and counts failed facts; rejects are counted by reason."""

import io
import json
from importlib import resources
from pathlib import Path

from recobro.loading import Reject, read_rejects, rejects_by_reason
from recobro.story import Story
from rich.console import Console


def printed_lines(file: io.StringIO) -> list[str]:
    return [line.rstrip() for line in file.getvalue().splitlines() if line.strip()]


def test_a_fact_that_fails_is_printed_and_counted_and_the_story_continues() -> None:
    file = io.StringIO()
    story = Story(Console(file=file, width=80))
    story.chapter("A portfolio comes in")
    story.fact("3 contracts", 3, 3)
    story.fact("2 entries", 1, 2)
    story.paragraph("And so on.")
    good = story.end()

    assert not good
    assert story.wrong == ["2 entries"]
    assert printed_lines(file) == [
        "1. A portfolio comes in",
        "   ✓ 3 contracts",
        "   ✗ 2 entries: expected 2, found 1",
        "   And so on.",
        "1 of 2 facts are not as expected.",
    ]


def test_a_story_without_a_failed_fact_ends_well() -> None:
    story = Story(Console(file=io.StringIO()))
    story.check("it works", passed=True)
    assert story.end()


def test_rejects_are_read_with_every_code_and_counted_by_reason(tmp_path: Path) -> None:
    file = tmp_path / "rejects.csv"
    file.write_text(
        "\ufeffrow_number,errors,No. Contrato\r\n"
        '7,"Importe: not an amount (see the guide); say 1.00 (bad_amount); Fecha: no such day (bad_date)",A\r\n'
        '12,"Importe: not an amount (bad_amount)",B\r\n',
        encoding="utf-8",
    )
    rejects = read_rejects(file)
    assert rejects == [Reject(7, ("bad_amount", "bad_date")), Reject(12, ("bad_amount",))]
    table = rejects_by_reason(rejects)
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert rows == [("bad amount", "2", "7"), ("bad date", "1", "7")]


def test_the_figures_that_the_demo_expects_agree_with_the_sample() -> None:
    sample = resources.files("recobro") / "sample"
    expected = json.loads((sample / "cartera_mx.expected.json").read_text())
    rows = [row for rows in expected["rejected_rows"].values() for row in rows]
    lines = (sample / "cartera_mx.csv").read_bytes().splitlines()
    assert len(lines) == 1 + expected["rows_read"]
    assert len(rows) == len(set(rows)) == expected["rows_rejected"]
    assert expected["rows_accepted"] + expected["rows_rejected"] == expected["rows_read"]
    assert sum(stage["contracts"] for stage in expected["stages"].values()) == expected["contracts"]
