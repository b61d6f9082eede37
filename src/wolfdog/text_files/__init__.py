"""Text files of other programs: delimited tables, JSON, Camtrap DP packages, and the dates in them."""
