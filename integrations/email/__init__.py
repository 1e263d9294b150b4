"""E-mail by SMTP: alerts in plain text, so that any phone shows them."""
