"""Robots: the driver contract, the registry, and the drivers for real equipment."""
