"""The attentions that an edge can carry (survey 3.1)."""
