"""recse-lab: train sentence encoders by contrast, vary one thing at a time, and print what follows with its uncertainty."""

__version__ = "0.1.0"
