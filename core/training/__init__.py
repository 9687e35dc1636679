"""Training: a loop that touches no file, and what makes a stored run of it."""
