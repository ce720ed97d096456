"""What a trained system says of one's own input, and the system packed as one folder. Imports
training, extract, fetch (the hub), data, config, the models' registry, results, formats and base;
no rule of the workflow runs it.
"""
