"""Titles of the searches without gradients."""

TITLES = {
    "random": "Random search",
    "evolution": "Regularised evolution",
    "naswot": "Random search by NASWOT",
    "synflow": "Random search by synflow",
    "weight_sharing": "Random search with shared weights",
}
# These score a network without training it.
UNTRAINED = ("naswot", "synflow")
