"""A request answered: which profile may, from which record, or through a renewal."""
