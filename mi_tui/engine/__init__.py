"""Answers -> Plan -> Run, events out. Knows no terminal and no sandbox."""
