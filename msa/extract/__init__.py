"""From raw video to words, audio and vision with their times; imports base and formats alone."""
