"""Further channels (Telegram, Teams, ntfy, SMS…) through apprise; the extra ``apprise``."""
