"""How it is said as JSON: versioned, and held to a schema."""
