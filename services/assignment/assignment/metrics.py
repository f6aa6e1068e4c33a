"""Every metric of assignment, with unit and meaning."""

from chassis.metrics import Task

PLACEMENT = Task("placement")
"""Runs that look at everything that is known; events place without them."""
