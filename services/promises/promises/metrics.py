"""Every metric of promises, with unit and meaning."""

from chassis.metrics import Task

CHECK = Task("promise-check")
WATCH = Task("promise-watch")
"""``CHECK`` is the promise check that a request starts, as a rule daily. ``WATCH`` runs by itself once a second."""
