"""Measures the event runtime beside its upper bounds and beside programs that a team would write instead."""
