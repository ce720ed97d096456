"""What files look like: .csd, segments, the layouts that others circulate. Imports base alone."""
