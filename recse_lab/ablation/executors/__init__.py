"""Executors: where the runs of a plan are computed."""
