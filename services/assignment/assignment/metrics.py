"""Every metric of assignment, with unit and meaning."""

from chassis.metrics import Task

PLACEMENT = Task("placement")
"""Placement runs, which look at all contracts. Placements made by event handlers are not counted."""
