"""Could every image that a cluster may need be pulled right now, down to the last byte?"""

__version__ = "0.1.0"
