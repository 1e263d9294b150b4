"""Setting text: fonts, shaping, line breaking, drawing."""
