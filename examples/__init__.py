"""Campaign and lab files to begin with; installed as `wellwise.examples`."""
