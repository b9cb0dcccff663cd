"""Networks made of the layers: the supernet that a search trains."""
