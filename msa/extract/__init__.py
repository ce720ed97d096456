"""From raw video and sound to words, audio and vision with their times.

Imports base and formats alone.
"""
