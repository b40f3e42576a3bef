"""How the program is to run: the one reader of its configuration file and of the environment."""
