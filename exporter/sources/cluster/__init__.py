"""Adapter of Kubernetes clusters: the images in use, by the API of each cluster."""
