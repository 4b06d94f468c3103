"""Apache Kafka: a stream."""
