"""State that outlives a process: the ledger, and snapshot files."""
