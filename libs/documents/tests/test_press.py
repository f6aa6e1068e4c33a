"""The press prints any template of its folder, one after the other."""

from pathlib import Path

from documents.press import Press

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
