"""The pages, the metrics and the documents over HTTP."""
