"""Lists of repositories from the APIs that registries have beside `_catalog`."""
