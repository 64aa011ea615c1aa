"""What is typed at the command line: one file for each group of commands."""
