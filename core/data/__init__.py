"""Data sets as uint8 arrays with labels, row numbers and a fingerprint; numpy only, no torch.

Start at `catalog`: `catalog.load("digits", "train")` gives an `images.ImageSet`.
"""
