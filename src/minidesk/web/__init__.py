"""What listens: the guard in front of everything, and one package for each kind of caller."""
