"""The table of settings agrees with the models, and is refused if it does not."""

import sys
from pathlib import Path

import pytest
from chassis.configuration import main

MODULES = ["chassis.settings", "dialer_feed.settings", "field_visits.settings", "portfolio.settings"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["configuration", *arguments])
    return main()


def test_the_page_lists_every_setting_once_with_default_and_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "configuration.md"
    assert run(monkeypatch, str(page), *MODULES) == 0
    lines = page.read_text().splitlines()
    assert "| `RECOBRO_JWT_ISSUER` | recobro | all | The `iss` that every token must have. |" in lines
    assert sum("`RECOBRO_DATABASE_URL` | required | all" in line and line.endswith(" Secret. |") for line in lines) == 1
    assert sum("`RECOBRO_PHOTOS_URL` | – | field-visits" in line for line in lines) == 1
    assert sum("`RECOBRO_RECEIPTS_URL` | – | portfolio" in line for line in lines) == 1
    assert sum("`RECOBRO_LIST_WAIT_SECONDS` | 30.0 | dialer-feed" in line for line in lines) == 1
    assert "None" not in page.read_text()


def test_a_page_that_differs_from_the_settings_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "configuration.md"
    assert run(monkeypatch, str(page), *MODULES, "--check") == 1
    run(monkeypatch, str(page), *MODULES)
    assert run(monkeypatch, str(page), *MODULES, "--check") == 0
    page.write_text(page.read_text().replace("recobro", "recorbo"))
    assert run(monkeypatch, str(page), *MODULES, "--check") == 1
    assert "make settings" in capsys.readouterr().out
