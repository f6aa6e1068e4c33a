"""The documents that a debtor gets about an agreement, as PDFs. ``templates`` holds their layout."""

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
