"""Exports for other engines: Parquet, each audit as a whole or not at all."""
