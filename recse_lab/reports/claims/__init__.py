"""Claims, the evidence for them, and computed verdicts."""
