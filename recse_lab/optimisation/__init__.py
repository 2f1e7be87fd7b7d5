"""What every training loop shares: batches, schedule, checkpoints, steps."""
