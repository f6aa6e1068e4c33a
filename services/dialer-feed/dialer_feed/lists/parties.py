"""The phones of an entry that are a party's, each with whose it is."""

from dialer_feed.lists import phones

_OF_PARTIES = phones.dialable(
    f"phone.value AS phone, phone.party_role AS party, phone.party_name AS name, {phones.AS_LISTED} AS place",
    f"{phones.OF_ENTRY} AND {phones.OF_PARTY}",
)
PHONES = f"""
(SELECT coalesce(jsonb_agg(jsonb_build_object('phone', one.phone, 'party', one.party, 'name', one.name)
    ORDER BY one.place), '[]') FROM ({_OF_PARTIES}) AS one)"""
"""SQL: of the row ``entry``, the phones of parties that may be dialled, as JSON: phone, party and name."""
