"""The door of the warehouse: pages for people with a hand scanner."""
