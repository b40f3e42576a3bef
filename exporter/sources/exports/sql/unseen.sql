-- What could not be established: what hides behind it is not in the facts.
SELECT
  (SELECT COUNT(*) FROM tags WHERE state = 'unknown') AS tags,
  (SELECT COUNT(*) FROM manifests WHERE expected AND state = 'unknown') AS manifests,
  (SELECT COUNT(*) FROM blobs WHERE state = 'unknown') AS blobs
