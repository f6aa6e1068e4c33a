"""Writes the table of all settings: ``python -m chassis.configuration FILE MODULE… [--check]``.

Each module is the ``settings`` of a service, or the chassis's own. With ``--check`` the command writes nothing, and
exits with 1 if the file differs from the models.
"""

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic.fields import FieldInfo

from chassis.settings import Settings, variable_of

_HEAD = """# Settings of a service

A service reads its settings from the environment, and so does the console. A wrong value ends the process at once with
exit code 2, and the error names the variable. A secret may be in a file instead; the variable with `_FILE` appended
names the file. `make settings` writes this page from the models that read the environment.

| variable | default | service | meaning |
|---|---|---|---|
"""


def table(models: Mapping[str, type[Settings]]) -> str:
    """Return the page: first the settings of all services, then each service's own.

    ``models`` maps a service's name to its settings; "" stands for all services.
    """
    shared = models[""].model_fields
    rows = [_row(name, field, "all") for name, field in shared.items() if name != "service"]
    for service, model in sorted(models.items()):
        own = {name: field for name, field in model.model_fields.items() if name not in shared}
        rows += [_row(name, field, service) for name, field in own.items()]
    return _HEAD + "\n".join(rows) + "\n"


def _row(name: str, field: FieldInfo, service: str) -> str:
    default = "required" if field.is_required() else field.default
    if default in (None, "") or field.default_factory is not None:
        default = "–"
    secret = "" if field.repr else " Secret."
    return f"| `{variable_of(name)}` | {default} | {service} | {field.description}{secret} |"


def models_of(modules: Sequence[str]) -> dict[str, type[Settings]]:
    """Return the settings class that each module defines, by its service's name; "" stands for the chassis."""
    found = {}
    for module in modules:
        for value in vars(importlib.import_module(module)).values():
            if isinstance(value, type) and issubclass(value, Settings) and value.__module__ == module:
                service = module.split(".")[0].removeprefix("recobro_").replace("_", "-")
                found["" if value is Settings else service] = value
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("modules", nargs="+")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    page = table(models_of(options.modules))
    if not options.check:
        options.file.write_text(page, "utf-8")
    elif not options.file.exists() or options.file.read_text("utf-8") != page:
        print(f"{options.file} differs from the settings in the code. Run `make settings` and commit the result.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
