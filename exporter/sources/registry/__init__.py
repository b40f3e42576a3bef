"""How a registry is asked, over the distribution API, the way a node asks."""
