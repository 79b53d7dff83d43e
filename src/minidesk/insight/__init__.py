"""What the desk learns about itself: evaluation of question sets."""
