"""What services keep of each other's facts, each subject once: its table, what keeps it, and its SQL.

A projection keeps a version per group of columns and compares an event only with the groups that it carries. So a
payment that overtakes its contract's registration does not erase the debtor's phone, and events of different topics
may come in any order. Every ``keep`` takes the events of one wave, in which no contract appears twice, and is one or
two statements for any number of them. Nothing here decides what follows from a fact: the services' handlers do.

A table's fragment is executed by the migration that creates the table. A fragment never changes once it is released:
what comes later is a migration of its own, which says IF NOT EXISTS.
"""
