"""The resources of NGSI-LD, a file each."""
