"""Answers from passages, with proof; sees only records of search and gateway, no database."""
