"""The sandbox's answers held against Microsoft's OpenAPI files and against recorded answers of Azure."""
