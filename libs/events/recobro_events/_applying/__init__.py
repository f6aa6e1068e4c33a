"""How a batch is applied exactly once, and what becomes of an event that cannot be applied."""
