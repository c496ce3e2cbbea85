"""What an item is: for each kind the words to ask for, and the parser of the answer."""
