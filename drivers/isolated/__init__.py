"""Drivers in an interpreter of their own."""
