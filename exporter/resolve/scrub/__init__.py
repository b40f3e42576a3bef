"""Full verification: which content is due, and how it is read and hashed."""
