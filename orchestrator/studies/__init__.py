"""Studies before or after a campaign: rehearsal, forecast, confirmation, replay, agreement."""
