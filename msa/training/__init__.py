"""From batches to predictions: training, search, prediction. Imports data, models, config, formats,
results and base; never report or fetch.
"""
