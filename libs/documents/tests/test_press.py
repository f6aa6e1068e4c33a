"""The press prints any template of its folder, one after the other."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from documents import press as presses
from documents.press import Press, PressBroken, PressBusy

TEMPLATE = """
#let document = json(bytes(sys.inputs.document))
#document.name
"""


async def test_each_template_of_the_folder_is_printed(tmp_path: Path) -> None:
    for name in ("notice", "receipt"):
        (tmp_path / f"{name}.typ").write_text(TEMPLATE)
    press = Press(tmp_path)
    async with press.running():
        for name in ("notice", "receipt", "notice"):
            assert (await press.print(name, {"name": "*Ñandú* #panic()"})).startswith(b"%PDF-")


class Panic(BaseException):
    """As typst raises it."""


class Compiler:
    """Prints a document by its name: ``panics`` fails, ``hangs`` waits until it is let go."""

    let_go = threading.Event()

    def __init__(self, *_: Any, **__: Any) -> None:
        self.broken = False

    def compile(self, path: Path, **_: Any) -> bytes:
        assert not self.broken, "a compiler that failed is not used again"
        if path.stem == "panics":
            self.broken = True
            raise Panic("index out of bounds")
        if path.stem == "hangs":
            assert self.let_go.wait(60)
        return b"%PDF-"


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> type[Compiler]:
    monkeypatch.setattr("typst.Compiler", Compiler)
    Compiler.let_go = threading.Event()
    return Compiler


@pytest.mark.usefixtures("compiler")
async def test_a_document_on_which_typst_fails_harms_no_other(tmp_path: Path) -> None:
    press = Press(tmp_path)
    async with press.running():
        assert await press.print("notice", {}) == b"%PDF-"
        with pytest.raises(PressBroken, match="index out of bounds"):
            await press.print("panics", {})
        assert await press.print("notice", {}) == b"%PDF-"


async def test_a_document_on_which_typst_hangs_is_left(
    tmp_path: Path, compiler: type[Compiler], monkeypatch: pytest.MonkeyPatch
) -> None:
    press = Press(tmp_path)
    async with press.running():
        monkeypatch.setattr(presses, "PRINT_SECONDS", 0.05)
        with pytest.raises(PressBusy):
            await press.print("hangs", {})
        monkeypatch.setattr(presses, "PRINT_SECONDS", 60.0)
        assert await press.print("notice", {}) == b"%PDF-"
        compiler.let_go.set()


async def test_a_limited_number_of_documents_waits(
    tmp_path: Path, compiler: type[Compiler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presses, "MOST_WAITING", 3)
    press = Press(tmp_path)
    async with press.running():
        waiting = [asyncio.create_task(press.print("hangs", {})) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(PressBusy):
            await press.print("notice", {})
        compiler.let_go.set()
        assert await asyncio.gather(*waiting) == [b"%PDF-"] * 3
        assert await press.print("notice", {}) == b"%PDF-"
