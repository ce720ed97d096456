"""From raw video and sound to words, audio and vision with their times; imports base and formats alone."""
