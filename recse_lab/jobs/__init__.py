"""What executes: one question becomes one finished run."""
