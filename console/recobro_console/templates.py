"""The templates: one environment for each language, with the filters that every page uses."""

import hashlib
import uuid
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from recobro_console import static_files
from recobro_console.calls import Trouble, Unreachable
from recobro_console.language import Reader

_HERE = Path(__file__).parent


@cache
def environment(reader: Reader) -> Environment:
    """The environment of this reader. Values are escaped, and a name that is not given is an error.

    Templates stand in ``templates`` of the console, and those of a section in its own folder: ``today/today.html``.
    """
    made = Environment(
        loader=FileSystemLoader([_HERE / "templates", _HERE]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "tr": reader.tr,
        "word": reader.word,
        "words": lambda codes, prefix="": [(code, reader.word(prefix + code)) for code in codes],
        "asset": static_files.address_of,
        "new_key": lambda: str(uuid.uuid4()),
        # One of many forms: a part that is drawn anew keeps each with its own row.
        "id_of": lambda text: f"a-{hashlib.sha256(text.encode()).hexdigest()[:12]}",
    }
    made.filters |= {
        "number": reader.number,
        "money": reader.money,
        "percent": reader.percent,
        "typed": reader.typed,
        "day": reader.day,
        "moment": reader.moment,
        "clock": reader.clock,
        "word": reader.word,
        "explained": reader.explained,
    }
    made.tests["trouble"] = lambda value: isinstance(value, Trouble)
    made.tests["unreachable"] = lambda value: isinstance(value, Unreachable)
    return made
