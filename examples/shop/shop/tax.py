"""Tax rates by postcode, in a table that is built when the module is imported."""

RATES = {
    f"{area}{street:02}": 0.21 if (area + street) % 3 else 0.09 for area in range(1000, 9999) for street in range(60)
}


def with_tax(price: float, postcode: str) -> float:
    """The price with the tax of that postcode."""
    return price * (1 + RATES.get(postcode, 0.21))
