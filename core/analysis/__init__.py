"""Analysis of stored arrays: no torch, no files."""
