"""From the stream into a target: events become changes, changes become compacted work, work and positions one commit."""
