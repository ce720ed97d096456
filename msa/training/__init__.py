"""From batches to predictions: training, search, prediction. Imports data, models, config, formats,
results (for the scores of one's own predictions) and base; never report or fetch.
"""
