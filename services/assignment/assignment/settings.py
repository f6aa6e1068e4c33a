"""The environment variables of assignment."""

from chassis import Settings


class AssignmentSettings(Settings):
    """The chassis's settings; assignment has none of its own yet."""
