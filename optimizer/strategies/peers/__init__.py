"""Strategies that others made, each in an environment of its own."""
