"""What the endpoint captured, as a table, figures and a page."""
