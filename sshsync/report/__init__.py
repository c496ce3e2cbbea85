"""A run's report for people and for programs: pure functions from a report to text and values."""
