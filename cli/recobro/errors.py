"""The error that the command prints instead of a stack trace."""


class Trouble(Exception):
    """An error that the person at the terminal can act on. The message is a sentence for them; the exit code is 1."""
