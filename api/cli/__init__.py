"""The command-line door: one file per subcommand of `kontaktlog`."""
