"""How it is said as metrics: which there are, what they say, and how that is written."""
