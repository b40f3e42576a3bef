"""The configuration: the one reader of its file and of the environment."""
