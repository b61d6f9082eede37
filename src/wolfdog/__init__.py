"""Memory for networks that watch."""
