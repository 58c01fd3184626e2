"""Random histories against the store: every answer three times over, from RPC, from scans and from a model."""
