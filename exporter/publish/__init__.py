"""How we say it: the same report as metrics, as terminal text, as documents and as pages."""
