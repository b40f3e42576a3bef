"""What was seen: frozen values, never changed after construction."""
