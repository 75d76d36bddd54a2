"""The methods of the hook, by endpoint."""
