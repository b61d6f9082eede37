"""Memory networks: repeated attention (hops) over stored entries."""
