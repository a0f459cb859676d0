"""The commands of the application's own parts; training, experiments and providers bring theirs along."""
