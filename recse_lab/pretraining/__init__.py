"""Masked language modelling from scratch: loop, masking, vocabulary."""
