"""Simulated weeks: partners who play through the public doors while real workers do the work."""
