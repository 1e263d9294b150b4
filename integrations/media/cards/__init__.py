"""Cards: the designed template that shows one segment of the script."""
