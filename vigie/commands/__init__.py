"""The commands of several words: one file each, added to the command line in `vigie.__main__`."""
