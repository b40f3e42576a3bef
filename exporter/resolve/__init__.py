"""From tags to manifests to blobs: one look at each, two before a loss is claimed."""
