"""`make bench`: this package, the official SDK and the physical limit, in one run."""
