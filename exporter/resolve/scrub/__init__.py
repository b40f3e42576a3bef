"""Are the bytes still those that their digests name? What to read whole, when, and how."""
