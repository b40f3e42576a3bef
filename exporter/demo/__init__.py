"""A registry with the incident in it, made on the spot: to see what the exporter sees."""
