-- Manifests reachable only through an index, in repositories whose tags are all known.
SELECT
  COALESCE(SUM(CASE WHEN expected AND NOT protected AND state <> 'missing' THEN 1 ELSE 0 END), 0)
    AS unprotected_children
FROM manifests
