"""What the commands share: flags, exit codes, files."""
