"""Numbers from saved predictions: metrics, scores, comparisons, tables.

Imports base alone, and no torch.
"""
