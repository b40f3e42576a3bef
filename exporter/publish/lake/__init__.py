"""How are facts written for other engines? As Parquet, each audit whole or not at all."""
