"""The dashboard in a real browser: `make pages`."""
