"""The facts that services keep of other services. Each module holds one subject: table, ``keep`` functions and SQL.

A projection keeps a version per group of columns and compares an event only with the groups that the event carries. So
a payment that overtakes its contract's registration does not erase the debtor's phone, and events of different topics
may come in any order. Every ``keep`` takes the events of one wave, in which no contract appears twice, and runs one or
two statements for any number of events. The services' handlers decide what follows from a fact; nothing here does.

The migration that creates a table executes the table's fragment. A released fragment never changes: a later change is
a migration of its own, with IF NOT EXISTS.
"""
