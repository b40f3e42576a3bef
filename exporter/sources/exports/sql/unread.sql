-- What could not be read of who wants images: what only that names may be out of scope.
SELECT DISTINCT shard, subject, reason
FROM gaps
WHERE scope = 'references'
ORDER BY shard, subject, reason
