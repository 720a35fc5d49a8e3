"""What the command line shows people: tables, bars, and what their shell completes."""
