from tests.system.homes import two_homes, worked

__all__ = ["two_homes", "worked"]
