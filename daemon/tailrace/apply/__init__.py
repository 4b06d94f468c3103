"""From the stream into a target: events become changes, changes compacted work, work and positions one commit."""
