"""Keras layers: the eight operations, their mixture, the attentions."""
