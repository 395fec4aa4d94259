"""The regions that the sandbox offers."""

from __future__ import annotations

LOCATIONS = {
    "australiaeast": ("Australia East", "Australia"),
    "eastus": ("East US", "United States"),
    "eastus2": ("East US 2", "United States"),
    "francecentral": ("France Central", "France"),
    "germanywestcentral": ("Germany West Central", "Germany"),
    "northeurope": ("North Europe", "Europe"),
    "southeastasia": ("Southeast Asia", "Asia Pacific"),
    "swedencentral": ("Sweden Central", "Sweden"),
    "uksouth": ("UK South", "United Kingdom"),
    "westeurope": ("West Europe", "Europe"),
    "westus2": ("West US 2", "United States"),
    "westus3": ("West US 3", "United States"),
}
"""Name -> (display name, geography)."""


def location_name(sent: object) -> str:
    """A location as Azure keeps it: `West Europe` becomes `westeurope`."""
    return str(sent or "").replace(" ", "").lower()
