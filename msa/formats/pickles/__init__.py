"""Pickles of data, read without running what they name. Imports base alone."""
