"""Queries over the exports of all shards, the same SQL on every engine."""
