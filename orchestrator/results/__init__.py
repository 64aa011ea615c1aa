"""What a campaign leaves behind: tables, figures, report and crate."""
