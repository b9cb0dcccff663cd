"""What commands have in common: flags, exit codes, files."""
