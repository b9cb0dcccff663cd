"""Networks made of the layers: what a search trains, and what it finds."""
