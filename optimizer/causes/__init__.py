"""What causes what in a table of measurements: no part of proposing."""
