"""Sample documents: an invented product's manual in two languages, with questions and answers about it."""
