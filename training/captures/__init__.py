"""What the endpoint's data capture wrote to the bucket: listed, parsed, kept in columns on this machine, waited for."""
