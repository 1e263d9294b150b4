"""The command line. It never imports Textual: that is the console's, and costs 0.3 s."""
