"""The environment of assignment: the chassis's, and its own."""

from chassis import Settings


class AssignmentSettings(Settings):
    """Nothing of its own yet."""
