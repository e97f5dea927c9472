"""For whoever watches the bus: reads along, writes nothing, and takes nothing from anybody."""
