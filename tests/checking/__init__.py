"""What a consumer of a stream gets, checked as Jepsen's workload for Kafka does."""
