-- The whole storage.
SELECT
  COALESCE(SUM(blobs), 0) AS blobs,
  COALESCE(SUM(bytes), 0) AS stored_bytes,
  COALESCE(SUM(referenced_bytes), 0) AS referenced_bytes,
  COALESCE(SUM(orphaned_bytes), 0) AS orphaned_bytes,
  COALESCE(SUM(orphaned_blobs), 0) AS orphaned_blobs,
  COALESCE(SUM(untagged_bytes), 0) AS untagged_bytes,
  COALESCE(SUM(orphaned_manifests), 0) AS orphaned_manifests
FROM owners
