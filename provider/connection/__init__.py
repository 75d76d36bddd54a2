"""The connection: fields, settings, and the check behind the Test button."""
