"""Figures of probes, one file a probe: each is drawn from a ProbeResult's curves and holds no number of its own."""
