"""What the page Experiment is made of."""
