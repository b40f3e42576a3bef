-- Repositories that have tags in the storage and that no shard has looked at.
SELECT DISTINCT stored_tags.repository AS repository
FROM stored_tags
LEFT JOIN repositories ON repositories.repository = stored_tags.repository
WHERE repositories.repository IS NULL
ORDER BY repository
