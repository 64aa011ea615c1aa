"""The results of a campaign: tables, figures, report and crate."""
