"""How does a snapshot outlive its process? As versioned bytes, small and quick to read back."""
