"""Stops a platform from outside of the process that runs it."""

import signal

from recobro.data import DataFolder
from recobro.postgres import EmbeddedPostgres
from recobro.processes import end

_PATIENCE_SECONDS = 75.0
_SERVICE_PATIENCE_SECONDS = 35.0


def stop(data: DataFolder) -> bool:
    """End every process of the folder, also those that a killed supervisor has left. Returns whether any ran."""
    state = data.state()
    if state is None:
        return False
    supervisor = state.supervisor.find() if state.supervisor else None
    if supervisor is not None:
        end([supervisor], (signal.SIGTERM,), _PATIENCE_SECONDS)
    with data.locked():
        left = [process for service in state.services if service.process and (process := service.process.find())]
        end(left, (signal.SIGTERM,), _SERVICE_PATIENCE_SECONDS)
        EmbeddedPostgres(data.postgres, state.postgres_port).end_leftovers()
    return supervisor is not None or bool(left)
