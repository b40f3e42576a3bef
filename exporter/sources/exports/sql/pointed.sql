-- Where the walk begins: what some tag points straight at.
SELECT DISTINCT high, low FROM stored_tags WHERE high IS NOT NULL
