-- The references that lead from manifest to manifest, each once.
SELECT DISTINCT
  stored_edges.parent_high, stored_edges.parent_low,
  stored_edges.child_high, stored_edges.child_low
FROM stored_edges
INNER JOIN (SELECT DISTINCT high, low FROM stored_revisions) AS revised
  ON revised.high = stored_edges.child_high AND revised.low = stored_edges.child_low
