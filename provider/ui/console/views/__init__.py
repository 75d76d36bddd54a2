"""What the page shows, from lists of allowed fields."""
