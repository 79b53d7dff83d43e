"""From which nearness on two sentences, or two words, count as the same."""

# From this cosine on two sentences say the same more often than that they are about the same.
SAME = 0.65
# Two words count as near from here on; below it MiniLM's single-word cosines are noise.
NEAR = 0.45
# A word of the question is not held from below this share on...
HELD = 0.35
# ...which is a word this near.
LIKE = NEAR + HELD * (1 - NEAR)
