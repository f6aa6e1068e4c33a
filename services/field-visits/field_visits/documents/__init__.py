"""The PDF documents that a visitor takes along. ``templates`` holds their layout."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
