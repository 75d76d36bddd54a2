"""Speech to text and image generation."""
