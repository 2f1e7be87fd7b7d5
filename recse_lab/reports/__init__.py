"""Tables and figures from stored runs; opens without torch."""
