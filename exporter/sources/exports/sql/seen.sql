-- What tags in scope need and what is there: each digest once, whichever shards saw it.
SELECT
  COALESCE(SUM(size), 0) AS referenced_bytes
FROM (
  SELECT high, low, MAX(size) AS size
  FROM (
    SELECT high, low, size FROM manifests WHERE state = 'present' AND proof <> 'external'
    UNION ALL
    SELECT high, low, size FROM blobs WHERE state = 'present' AND proof <> 'external'
  ) AS objects
  GROUP BY high, low
) AS present
