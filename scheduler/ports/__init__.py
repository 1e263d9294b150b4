"""The interfaces between the rooms: what the engine needs and what it offers."""
