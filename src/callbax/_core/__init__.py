"""What every room may use: hook names, protocols, the registry, errors, types and seeds."""
