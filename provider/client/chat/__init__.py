"""Chat completions: requests, responses, tools, structured output."""
