"""Long statistics: `python -m benchmarks` prints them."""
