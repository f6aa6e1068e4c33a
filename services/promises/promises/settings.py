"""The settings of promises, read from the environment."""

from chassis import Settings


class PromisesSettings(Settings):
    """The chassis's settings; promises has none of its own."""
