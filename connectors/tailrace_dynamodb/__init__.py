"""DynamoDB and what speaks its protocol: a sink."""
