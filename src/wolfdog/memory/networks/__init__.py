"""Memory networks: several reads of stored entries."""
