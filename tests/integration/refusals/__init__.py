"""Every refusal of both services as a row of a table, held against the real binaries."""
