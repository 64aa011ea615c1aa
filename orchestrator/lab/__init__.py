"""What a campaign holds in its hands: robots, clock, leases and scorers."""
