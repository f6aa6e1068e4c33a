"""SQL for the rows of photos. The storage holds their bytes."""

_PHOTO = """
SELECT photo.photo_id, photo.visit_id, photo.sha256, photo.bytes AS size_bytes, photo.width, photo.height,
    photo.taken_at, photo.latitude, photo.longitude, photo.accuracy_metres, photo.recorded_at
FROM photo JOIN visit USING (visit_id)
"""
# The photo that the visit already has for the same uploaded bytes.
SENT_BEFORE = f"{_PHOTO} WHERE photo.visit_id = $1 AND photo.upload_sha256 = $2"
COUNT = "SELECT count(*) FROM photo WHERE visit_id = $1"
RECORD = """
INSERT INTO photo
    (photo_id, visit_id, upload_sha256, sha256, bytes, width, height, taken_at, latitude, longitude, accuracy_metres,
    recorded_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
OF_VISIT = f"{_PHOTO} WHERE photo.visit_id = $1 ORDER BY photo.taken_at, photo.photo_id"
PHOTO = f"{_PHOTO} WHERE photo.photo_id = $1 AND ($2::uuid IS NULL OR visit.agency_id = $2)"
