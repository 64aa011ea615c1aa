"""The help of the commands of acts, so that it can be printed without them: see control/generate.py."""

ACTS_HELP = {
    "pause": "Send no more jobs; robots finish what they have.",
    "approve": "Let the robots have the batch that waits for approval.",
    "edit-well": "Change what a well of a batch that waits for approval is to get, or leave it empty.",
    "decide": "Say what became of a job in doubt, or whether a late one is still to be sent.",
    "correct-well": "Enter the value of a well by hand, or exclude it; what was there before stays beside it.",
    "enter-values": "Enter the values of many wells from a table; all of them or, if one is wrong, none.",
    "read-table": "Enter what a plate reader measured on a plate; the campaign's scorer makes values of it.",
    "requeue": "Have the conditions of lost wells tried once more in the next round that is planned.",
    "hand-over": "Give what a robot has not begun in this round to one that shares its steps; the campaign must be paused.",
    "set-rounds": "Raise or lower how many rounds the campaign is to have; a finished one goes on if it is raised.",
    "rescore": "Score all readings with the scorer as it is installed now; the old scores stay in the journal.",
    "abort": "End a campaign for good; robots finish what they have.",
}
