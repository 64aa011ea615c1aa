"""What is decided: state, events, addresses, lifecycle, planning and scheduling, without any I/O."""
