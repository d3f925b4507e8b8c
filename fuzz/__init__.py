"""Feeds every input of the lab with junk: `make fuzz`. Only documented errors may come of it, and what is refused changes nothing."""
