"""What camera traps saw, site by site: reading, baselines, and memories that name what comes next and when."""
