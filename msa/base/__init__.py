"""What everything stands on: writing whole, reading, errors, devices. Imports nothing of ours."""
