-- A number for each repository: numbers are compared and kept more cheaply than names.
SELECT repository, CAST(ROW_NUMBER() OVER (ORDER BY repository) AS INTEGER) AS place
FROM (SELECT DISTINCT repository FROM stored_revisions) AS names
