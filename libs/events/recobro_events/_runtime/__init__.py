"""The parts of the runtime that a service's process runs."""
