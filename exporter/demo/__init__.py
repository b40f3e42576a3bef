"""Two embedded registries with broken images in their storage, and a configuration for them."""
