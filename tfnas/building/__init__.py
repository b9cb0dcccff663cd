"""How an entry of the zoo is made from a training, made again, and checked."""
