"""What `tfnas.export` is made of: a file for each form, and for the gate."""
