-- How much was looked at.
SELECT
  (SELECT COUNT(*) FROM repositories) AS repositories,
  (SELECT COUNT(*) FROM repositories WHERE NOT sealed) AS unsealed_repositories,
  (SELECT COUNT(*) FROM tags) AS tags
