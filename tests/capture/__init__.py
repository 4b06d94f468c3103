"""Sources driven without a stream: what a source delivers, event by event, with a position store in memory."""
