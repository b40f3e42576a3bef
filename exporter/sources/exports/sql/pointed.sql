-- Where the walk begins: manifests that are tagged directly.
SELECT DISTINCT high, low FROM stored_tags WHERE high IS NOT NULL
