"""What a running campaign uses: robots, clock, leases and scorers."""
