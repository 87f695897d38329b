"""The shop's door: JSON under /api/v1/, composed of all three apps."""
