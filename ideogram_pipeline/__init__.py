"""Character-consistent pictures from a prompt table: bought once, filed, booked."""

__version__ = "0.1.0"
