"""The network: downloads, share links, encoders, checksums. Imports config and base."""
