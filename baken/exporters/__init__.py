"""What other monitoring systems get of Baken: every figure of the catalogue, and every alert, in their own words."""
