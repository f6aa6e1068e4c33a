"""``python -m recobro``: the same as the ``recobro`` command."""

from recobro.main import app

app(prog_name="recobro")
