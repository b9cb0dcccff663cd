"""A sweep's tasks, the engines that run them, and the table of results."""
