"""Drop-off points: reading the files of couriers, and finding the nearest."""
