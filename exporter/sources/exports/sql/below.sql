-- One step of the walk: the manifests that those of the step before list. {above} is that step.
SELECT DISTINCT links.child_high AS high, links.child_low AS low
FROM {above} AS above
INNER JOIN links ON links.parent_high = above.high AND links.parent_low = above.low
