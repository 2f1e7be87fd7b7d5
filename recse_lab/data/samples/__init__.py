"""What the package carries: sentences and graded pairs written for this project."""
