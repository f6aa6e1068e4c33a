"""Everything that a service's process runs."""
