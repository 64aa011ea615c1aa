"""What happens now: journal, lifecycle, dispatch, flows, command line."""
