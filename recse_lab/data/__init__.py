"""Corpora, STS sets and transfer sets, read or downloaded."""
