"""A registry's own storage, a folder or a bucket: read without the registry, and never written."""
