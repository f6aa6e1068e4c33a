"""The published catalogue of event contracts, and the check that old and new readers understand each other's events.

The command is ``python -m recobro_events.catalogue``. No service imports this package.
"""
