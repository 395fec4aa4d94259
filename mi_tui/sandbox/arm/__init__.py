"""Azure Resource Manager: `https://management.azure.com`."""
