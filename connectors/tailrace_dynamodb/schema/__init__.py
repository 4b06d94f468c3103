"""DynamoDB as a target of schema conversion: a key design for each table with its reasons, sizes and costs."""
