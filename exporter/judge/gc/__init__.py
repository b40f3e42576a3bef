"""What would a garbage collection remove, and at what would it give up? Deletes nothing."""
