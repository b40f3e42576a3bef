-- Uploads that nobody finished.
SELECT COALESCE(SUM(size), 0) AS stale_upload_bytes
FROM stored_uploads
CROSS JOIN asked
WHERE modified < uploads_before
