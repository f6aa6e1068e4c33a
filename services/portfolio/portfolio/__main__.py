"""``python -m portfolio``: the service's process."""

from portfolio.main import main

main()
