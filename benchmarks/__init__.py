"""How fast it is: each operation as a ratio to a floor that is measured in the same run, on the same data."""
