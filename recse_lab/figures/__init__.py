"""How figures look, and drawings that several reports share."""
