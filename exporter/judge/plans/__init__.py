"""Plans of deletions, as tools print them. Reads text; deletes nothing."""
