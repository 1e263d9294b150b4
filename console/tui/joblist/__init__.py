"""The list of jobs over any number of rows: what is read, which rows are in sight, where the cursor is."""
