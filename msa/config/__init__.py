"""What is asked for: the configuration, recipes and settings, checked before anything runs.

Imports base and the models' registry, never a model.
"""
