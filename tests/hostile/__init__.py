"""Nothing that a small file can do: hostile inputs by kind, faults while writing, random texts."""
