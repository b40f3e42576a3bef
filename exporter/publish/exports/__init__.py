"""How are exported for other engines? As Parquet, each audit whole or not at all."""
