"""SQL: what debtors call inconvenient, as events and views carry it."""

_OF_PERSON = """
FROM (SELECT debtor.debtor_id UNION SELECT member.debtor_id FROM debtor AS member
    WHERE member.person_id = debtor.person_id) AS one
JOIN convenience_debtor USING (debtor_id) JOIN convenience AS stated USING (convenience_id)
WHERE stated.removed_at IS NULL"""

CONVENIENCES = f"""
(SELECT coalesce(json_agg(item ORDER BY convenience_id), '[]') FROM (
    SELECT DISTINCT ON (convenience_id) convenience_id, json_build_object('convenience_id', convenience_id,
        'stated_at', stated_at, 'not_hours', not_hours, 'not_days', not_days, 'not_media', not_media,
        'not_places', not_places) AS item
    {_OF_PERSON} ORDER BY convenience_id) AS items)"""
"""SQL: all that the person of the row ``debtor`` calls inconvenient now, as events carry it."""

VIEW = f"""
(SELECT coalesce(jsonb_agg(to_jsonb(shown) ORDER BY convenience_id), '[]') FROM (
    SELECT DISTINCT ON (convenience_id) convenience_id, not_hours, not_days, not_media, not_places, reason, stated_by,
        stated_at, actor
    {_OF_PERSON} ORDER BY convenience_id) AS shown)"""
"""SQL: the same with its reasons, for people."""
