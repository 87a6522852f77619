"""Who may do what, who approved it, and the sealed record of what was done."""
