"""Contrastive training: the loop, the arm, the queue of negatives."""
