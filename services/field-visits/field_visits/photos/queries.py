"""SQL for the rows of photos. The storage holds their bytes."""

_PHOTO = """
SELECT photo.photo_id, photo.visit_id, photo.sha256, photo.bytes AS size_bytes, photo.width, photo.height,
    photo.taken_at, photo.latitude, photo.longitude, photo.accuracy_metres, photo.recorded_at
FROM photo JOIN visit USING (visit_id)
"""
# The photo that the visit already has for the same uploaded bytes.
SENT_BEFORE = f"{_PHOTO} WHERE photo.visit_id = $1 AND photo.upload_sha256 = $2"
IS_ERASED = "SELECT erased FROM contract WHERE contract_id = $1"
# How many photos the visit has, and how many were added to the visits of its contract within 24 hours.
COUNTS = """
SELECT count(*) FILTER (WHERE visit_id = $1) AS of_visit,
    count(*) FILTER (WHERE recorded_at > clock_timestamp() - interval '24 hours') AS lately
FROM photo WHERE visit_id IN (SELECT visit_id FROM visit WHERE contract_id = $2)
"""
RECORD = """
INSERT INTO photo
    (photo_id, visit_id, upload_sha256, sha256, bytes, width, height, taken_at, latitude, longitude, accuracy_metres,
    recorded_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
OF_VISIT = f"{_PHOTO} WHERE photo.visit_id = $1 ORDER BY photo.taken_at, photo.photo_id"
# $2: the agency that has the contract and made the visit, or null.
PHOTO = f"""
{_PHOTO} WHERE photo.photo_id = $1 AND ($2::uuid IS NULL OR visit.agency_id = $2 AND EXISTS (
    SELECT FROM placement
    WHERE placement.contract_id = visit.contract_id AND placement.agency_id = $2 AND placement.active))
"""
