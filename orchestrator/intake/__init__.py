"""What comes in, checked: campaign files, past results, tables of readings."""
