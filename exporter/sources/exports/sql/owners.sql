-- Stored data by the only repository that references it; the owner is null where several do, or
-- none. Every number of the storage is a sum over these rows. Only digests whose first
-- half is from {first} to {last}: one slice after the other takes less memory.
WITH
parents AS (
  SELECT
    places.place, stored_revisions.high, stored_revisions.low,
    CASE WHEN tagged.high IS NULL THEN 0 ELSE 1 END AS tagged
  FROM stored_revisions
  INNER JOIN places ON places.repository = stored_revisions.repository
  LEFT JOIN tagged ON tagged.high = stored_revisions.high AND tagged.low = stored_revisions.low
),
sightings AS (
  SELECT
    high, low, size,
    CAST(CASE WHEN modified < blobs_before THEN 1 ELSE 0 END AS TINYINT) AS old,
    CAST(NULL AS INTEGER) AS place, CAST(0 AS TINYINT) AS tagged, CAST(0 AS TINYINT) AS manifest
  FROM stored_blobs
  CROSS JOIN asked
  WHERE high BETWEEN {first} AND {last}
  UNION ALL
  SELECT
    high, low, CAST(-1 AS BIGINT), CAST(0 AS TINYINT), place, CAST(tagged AS TINYINT),
    CAST(1 AS TINYINT)
  FROM parents
  WHERE high BETWEEN {first} AND {last}
  UNION ALL
  SELECT
    stored_edges.child_high, stored_edges.child_low, CAST(-1 AS BIGINT), CAST(0 AS TINYINT),
    parents.place, CAST(parents.tagged AS TINYINT), CAST(0 AS TINYINT)
  FROM stored_edges
  INNER JOIN parents
    ON parents.high = stored_edges.parent_high AND parents.low = stored_edges.parent_low
  WHERE stored_edges.child_high BETWEEN {first} AND {last}
  UNION ALL
  SELECT
    high, low, CAST(-1 AS BIGINT), CAST(0 AS TINYINT), CAST(NULL AS INTEGER), CAST(1 AS TINYINT),
    CAST(0 AS TINYINT)
  FROM tagged
  WHERE high BETWEEN {first} AND {last}
),
contents AS (
  SELECT
    MAX(size) AS size, MAX(old) AS old, MIN(place) AS first_place, MAX(place) AS last_place,
    MAX(tagged) AS tagged, MAX(manifest) AS manifest
  FROM sightings
  GROUP BY high, low
  HAVING MAX(size) >= 0
)
SELECT
  CASE WHEN first_place = last_place THEN first_place END AS owner,
  COUNT(*) AS blobs,
  SUM(size) AS bytes,
  SUM(CASE WHEN first_place IS NULL THEN 0 ELSE size END) AS referenced_bytes,
  SUM(CASE WHEN first_place IS NULL AND old = 1 THEN size ELSE 0 END) AS orphaned_bytes,
  SUM(CASE WHEN first_place IS NULL AND old = 1 THEN 1 ELSE 0 END) AS orphaned_blobs,
  SUM(CASE WHEN first_place IS NOT NULL AND tagged = 0 AND old = 1 THEN size ELSE 0 END)
    AS untagged_bytes,
  SUM(CASE WHEN manifest = 1 AND tagged = 0 AND old = 1 THEN 1 ELSE 0 END) AS orphaned_manifests
FROM contents
GROUP BY CASE WHEN first_place = last_place THEN first_place END
