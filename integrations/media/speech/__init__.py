"""Speech with eSpeak NG."""
