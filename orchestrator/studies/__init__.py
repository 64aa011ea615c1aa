"""What is asked before or after a campaign.

Rehearsal, forecast, confirmation, replay, agreement.
"""
