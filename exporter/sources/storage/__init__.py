"""What does a registry's storage hold? Reads it without asking the registry, and never writes."""
