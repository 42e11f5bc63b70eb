"""Places that a person saved, and from words to one of them."""
