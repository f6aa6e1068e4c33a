"""The event runtime measured beside what bounds it and beside what a team would write instead."""
