"""Searches without a gradient, which a gradient has to beat.

`random` and `evolution` train every cell that they try, briefly; `naswot` and
`synflow` score untrained networks; `weight_sharing` trains one supernet path by
path and compares cells with its weights.
"""

TITLES = {
    "random": "Random search",
    "evolution": "Regularised evolution",
    "naswot": "Random search by NASWOT",
    "synflow": "Random search by synflow",
    "weight_sharing": "Random search with shared weights",
}
# These look at a network without training it.
UNTRAINED = ("naswot", "synflow")
