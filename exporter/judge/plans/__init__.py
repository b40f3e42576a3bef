"""What does another tool's list say that it would delete? Reads text; deletes nothing."""
