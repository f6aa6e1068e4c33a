"""What is wrong with files and their rows, in every language."""

from chassis.languages import Sentences

SENTENCES = Sentences("portfolio.files")
"""The reasons to reject a row or a file, as the reader of files and ``landing_queries`` write them."""
