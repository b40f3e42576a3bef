"""What do the facts of all shards say together? The same SQL on every engine."""
