"""Every metric of promises, with unit and meaning."""

from chassis.metrics import Task

CHECK = Task("promise-check")
WATCH = Task("promise-watch")
"""The check that somebody asks for, as every day; and the task that decides by itself, every second or so."""
