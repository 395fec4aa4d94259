"""The regions that the sandbox offers."""

from __future__ import annotations

LOCATIONS = {
    "australiacentral": ("Australia Central", "Australia"),
    "australiaeast": ("Australia East", "Australia"),
    "australiasoutheast": ("Australia Southeast", "Australia"),
    "brazilsouth": ("Brazil South", "Brazil"),
    "canadacentral": ("Canada Central", "Canada"),
    "canadaeast": ("Canada East", "Canada"),
    "centralindia": ("Central India", "India"),
    "centralus": ("Central US", "United States"),
    "eastasia": ("East Asia", "Asia Pacific"),
    "eastus": ("East US", "United States"),
    "eastus2": ("East US 2", "United States"),
    "francecentral": ("France Central", "France"),
    "germanywestcentral": ("Germany West Central", "Germany"),
    "israelcentral": ("Israel Central", "Israel"),
    "italynorth": ("Italy North", "Italy"),
    "japaneast": ("Japan East", "Japan"),
    "japanwest": ("Japan West", "Japan"),
    "koreacentral": ("Korea Central", "Korea"),
    "koreasouth": ("Korea South", "Korea"),
    "mexicocentral": ("Mexico Central", "Mexico"),
    "newzealandnorth": ("New Zealand North", "New Zealand"),
    "northcentralus": ("North Central US", "United States"),
    "northeurope": ("North Europe", "Europe"),
    "norwayeast": ("Norway East", "Norway"),
    "polandcentral": ("Poland Central", "Poland"),
    "qatarcentral": ("Qatar Central", "Qatar"),
    "southafricanorth": ("South Africa North", "South Africa"),
    "southcentralus": ("South Central US", "United States"),
    "southeastasia": ("Southeast Asia", "Asia Pacific"),
    "southindia": ("South India", "India"),
    "spaincentral": ("Spain Central", "Spain"),
    "swedencentral": ("Sweden Central", "Sweden"),
    "switzerlandnorth": ("Switzerland North", "Switzerland"),
    "uaenorth": ("UAE North", "UAE"),
    "uksouth": ("UK South", "United Kingdom"),
    "ukwest": ("UK West", "United Kingdom"),
    "westcentralus": ("West Central US", "United States"),
    "westeurope": ("West Europe", "Europe"),
    "westindia": ("West India", "India"),
    "westus": ("West US", "United States"),
    "westus2": ("West US 2", "United States"),
    "westus3": ("West US 3", "United States"),
}
"""Name -> (display name, geography): the public regions that are open to all ("List of Azure regions", 2026-07)."""


def location_name(sent: object) -> str:
    """A location as Azure keeps it: `West Europe` becomes `westeurope`."""
    return str(sent or "").replace(" ", "").lower()
