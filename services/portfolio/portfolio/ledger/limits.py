"""How much one contract may hold. The limits keep the event with the whole contract far below the broker's 1 MiB.

The event must hold the whole contract, because a service that misses it keeps nothing of the contract. So the limits
apply where facts are written. ``tests/ledger/test_limits.py`` measures the largest possible event.
"""

from decimal import Decimal

WHOLE_CONTRACT_BYTES = 915_000
"""The largest possible event with a whole contract."""

ROWS_OF_CONTRACT = 1_000
"""Rows of one contract in a file. Each row is an instalment."""
INSTALMENTS = 1_500
"""Instalments of a contract. Reversals of old payments may add some to those of the file."""
CONTACTS_OF_CONTRACT = 50
"""Distinct phones and e-mails of one contract in a file."""
CONTACTS_BEFORE_ADDING = 50
"""Nobody adds a contact point to a contract that has this many. The next file may still state its own."""
CONTACTS_FOUND_BY_VISIT = 5
CONTACTS_FOUND_A_DAY = 10
"""Contact points that visits find for one contract: in one visit, and on one business date."""
ADDRESSES_FOUND = 3
FOUND_ADDRESS_CHARACTERS = 100
"""Addresses that visits find for one contract, and characters of each part."""
PARTIES = 10
CONTACTS_OF_PARTY = 4
PARTY_CHARACTERS = 100
"""The people besides the debtor of one contract, the phones and e-mails of each, the characters of names and values."""
PROVENANCE_CHARACTERS = 40
SILENCING_CLARIFICATIONS = 20
"""Clarifications that stop contact about one contract at the same time."""
PAUSES = 200
PAUSES_OF_SCOPE = 20
"""Pauses of one contract alone, and of each of its person, its portfolio and its postal code."""
PAYMENTS = 2_000
"""Payments of a contract, with the reversed ones. A contract that is published again carries all of them."""
CHARGES = 500
"""Charges of a contract, with the reversed ones."""
LARGEST_BALANCE = Decimal("999999999999.99")
"""The largest amount, and the largest balance of a contract: 14 digits, 2 of them after the point."""
