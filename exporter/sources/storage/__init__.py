"""A registry's own storage, in a folder or a bucket. Read-only; the registry is not asked."""
