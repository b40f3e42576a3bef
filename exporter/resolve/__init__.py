"""From tags to manifests to blobs: look at each thing once, twice where it seems gone."""
