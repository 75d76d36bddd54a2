"""The page over HTTP: FastAPI, Flask, and what both share."""
