"""The catalogue of event contracts as it is published, and the check that old and new readers go on understanding it.

``python -m recobro_events.catalogue`` is its command. Nothing that runs imports it.
"""
