"""What the command says instead of a stack trace."""


class Trouble(Exception):
    """Something the person at the terminal can act on: the message is a sentence for them; exit code 1."""
