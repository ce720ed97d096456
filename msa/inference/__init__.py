"""What a trained system says of one's own input. Imports training, extract, data, config, results
(for the scores of one's own predictions), formats and base; no rule of the workflow runs it.
"""
