"""Text: normalising, words and sentences, the one renderer, interface texts."""
