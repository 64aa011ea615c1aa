"""What is asked before or after a campaign: rehearsal, forecast, confirmation, replay, agreement."""
