"""A module that computes when it is imported."""

TABLE = {f"{number:07}": str(number * number) for number in range(400_000)}
