"""NGSI-LD: what Vigie holds as entities of the Smart Data Models, read by ETSI GS CIM 009 V1.9.1."""
