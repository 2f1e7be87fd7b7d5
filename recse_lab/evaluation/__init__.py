"""Scores of embeddings under named protocols."""
