"""Guide: preflight and diagnosis. It reads and advises, and never changes anything by itself."""
