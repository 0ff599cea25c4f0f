"""The roof: command line, demo, embedded database and broker. The only place that wires everything."""
