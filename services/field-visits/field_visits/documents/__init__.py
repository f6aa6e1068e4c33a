"""The documents that go along on a visit, as PDFs. How they look is decided in templates."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
