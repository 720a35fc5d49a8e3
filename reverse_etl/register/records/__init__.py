"""What the register hands out: frozen records, a module for each subject."""
