"""Configurations: what can be asked of a run, read from YAML, checked, and named."""
