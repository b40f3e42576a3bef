"""What outlives a restart? One SQLite file, whose damage costs readings and never a verdict."""
