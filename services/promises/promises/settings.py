"""The environment of promises: the chassis's, and its own."""

from chassis import Settings


class PromisesSettings(Settings):
    """Nothing of its own yet."""
