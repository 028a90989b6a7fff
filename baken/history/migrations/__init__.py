"""The versions of the store's tables. A new migration adds its number to KNOWN."""

VERSION_TABLE = "baken_version"
KNOWN = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")
HEAD = KNOWN[-1]
