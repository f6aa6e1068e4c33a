"""Migrations: each service's own tree of Alembic revisions, run from code."""

from chassis.migrations.runner import upgrade

__all__ = ["upgrade"]
