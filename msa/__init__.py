"""Multimodal sentiment analysis, from the published sequences to a table of results."""

__version__ = "0.1.0"
