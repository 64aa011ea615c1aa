"""The strategies that are shipped: one file each, found by name through the entry points."""
