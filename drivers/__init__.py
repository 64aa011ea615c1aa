"""How a robot is told: the driver contract, the registry, and the drivers for real equipment."""
