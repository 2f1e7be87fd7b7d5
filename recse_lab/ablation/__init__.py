"""Studies: from a specification to a plan of runs, and their execution."""
