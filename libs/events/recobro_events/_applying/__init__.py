"""A batch is applied exactly once, and an event that cannot be applied is set aside."""
