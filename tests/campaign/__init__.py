"""The crash campaign: rounds of random plans, faults and kills, each of which must leave the world as it found it. Run by hand.

`python -m tests.campaign --help` says what there is.
"""
