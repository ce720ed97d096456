"""The page and its figures. Imports results, data and base, no torch."""
