"""Whether two Graphs compute the same function for every setting of their weights, and where they first do not."""
