"""minidesk: a customer-support desk whose first line is a mini model."""

__version__ = "0.1.0"
