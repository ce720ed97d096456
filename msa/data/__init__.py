"""From raw files to what batches are made of: align, split, clean, encode.

Imports formats and base.
"""
