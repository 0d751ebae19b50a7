"""Where Lambda functions run: processes that keep to the Runtime API. It knows nothing of MiniStack."""
