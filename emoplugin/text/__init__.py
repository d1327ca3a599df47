"""From raw chat text to model text and surface features."""
