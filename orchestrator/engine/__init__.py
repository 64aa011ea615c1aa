"""What is done now: advance, dispatch, supervision, and the adapters to Prefect."""
