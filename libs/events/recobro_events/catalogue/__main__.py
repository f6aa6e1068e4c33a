"""``python -m recobro_events.catalogue DOCS REVISIONS [--check]``.

Writes ``DOCS/asyncapi.json`` and ``DOCS/schemas/<type>.json``, and adds ``REVISIONS/<type>/<n>.json`` as the next
revision of a contract that changed. Refuses changes that are incompatible with an earlier revision: prints a sentence
for each and exits with status 1. With ``--check`` nothing is written: the command prints a sentence for each file that
it would change, and exits with status 1 if there is one.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recobro_events.catalogue.asyncapi import document_of
from recobro_events.catalogue.compatibility import refusals, shape_of
from recobro_events.catalogue.schemas import Schema, contracts, schema_of
from recobro_events.contracts import Event

Revisions = Mapping[str, Mapping[int, Schema]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m recobro_events.catalogue")
    parser.add_argument("docs", type=Path)
    parser.add_argument("revisions", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    declared = contracts()
    schemas = {name: schema_of(event) for name, event in declared.items()}
    kept = revisions_in(options.revisions)
    problems = [
        sentence
        for name in sorted(schemas.keys() | kept.keys())
        for sentence in refusals(name, kept.get(name, {}), schemas.get(name))
    ]
    if not problems:
        files = _documents(options.docs, declared, schemas) | _new_revisions(options.revisions, schemas, kept)
        superfluous = sorted(set(options.docs.rglob("*.json")) - files.keys())
        if options.check:
            problems = _stale(files, superfluous)
        else:
            _write(files, superfluous)
    for sentence in problems:
        print(sentence, file=sys.stderr)
    return 1 if problems else 0


def revisions_in(folder: Path) -> dict[str, dict[int, Schema]]:
    """The schemas of all revisions in ``folder``, by event type and number."""
    kept: dict[str, dict[int, Schema]] = {}
    for path in sorted(folder.glob("*/*.json")):
        kept.setdefault(path.parent.name, {})[int(path.stem)] = json.loads(path.read_text("utf-8"))
    return kept


def _documents(docs: Path, declared: Mapping[str, type[Event]], schemas: Mapping[str, Schema]) -> dict[Path, str]:
    files = {docs / "schemas" / f"{name}.json": _text(schema) for name, schema in schemas.items()}
    return files | {docs / "asyncapi.json": _text(document_of(declared))}


def _new_revisions(folder: Path, schemas: Mapping[str, Schema], kept: Revisions) -> dict[Path, str]:
    """Files for new revisions: one for each contract whose shape differs from its newest revision."""
    files = {}
    for name, schema in schemas.items():
        revisions = kept.get(name, {})
        newest = max(revisions, default=0)
        if not revisions or shape_of(revisions[newest]) != shape_of(schema):
            files[folder / name / f"{newest + 1}.json"] = _text(schema)
    return files


def _stale(files: Mapping[Path, str], superfluous: Sequence[Path]) -> list[str]:
    found = [f"{path} belongs to no contract." for path in superfluous]
    for path, text in sorted(files.items()):
        if not path.exists():
            found.append(f"{path} is missing.")
        elif path.read_text("utf-8") != text:
            found.append(f"{path} differs from the contracts.")
    return [f"{sentence} Run `make contracts`, and commit what it writes." for sentence in found]


def _write(files: Mapping[Path, str], superfluous: Sequence[Path]) -> None:
    for path in superfluous:
        path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _text(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
