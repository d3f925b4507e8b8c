"""The words that every room speaks. Nothing here acts."""
