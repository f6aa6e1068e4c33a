"""The lock by which the builder of a list and whoever silences a contract cannot miss each other.

Every transaction that silences shares it. The builder takes it for itself once its entries are committed: then every
silencing transaction that may not have seen them has ended, and those that begin later see them.
"""

_KEY = "7203550203"
SHARE = f"SELECT pg_advisory_xact_lock_shared({_KEY})"
WAIT = f"SELECT pg_advisory_xact_lock({_KEY})"
"""Returns when every transaction that was silencing has ended; those that begin meanwhile wait for this one."""
