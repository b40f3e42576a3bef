-- Data that no other repository references: what removing this one could free at most.
SELECT places.repository AS repository, SUM(owners.bytes) AS bytes
FROM owners
INNER JOIN places ON places.place = owners.owner
GROUP BY places.repository
HAVING SUM(owners.bytes) > 0
ORDER BY bytes DESC, repository
