"""What is done now, in order: advance, dispatch, supervise, with Prefect at the rim."""
