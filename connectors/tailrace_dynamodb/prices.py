"""What DynamoDB costs, as parameters: `[prices]` of a key design. Estimates multiply by these and know no others."""

from __future__ import annotations

from pydantic import Field

from tailrace.config.settings import Settings


class Prices(Settings):
    """Prices per unit, without tax, discount or free tier.

    The defaults are those of AWS's price list for us-east-1, table class Standard, as `date` says; they age.
    https://aws.amazon.com/dynamodb/pricing/on-demand/
    """

    region: str = Field(default="us-east-1", description="Which region's prices these are; for a person.")
    date: str = Field(default="2024-11-01", description="When they were looked up; for a person.")
    currency: str = Field(default="USD", description="Stands behind every sum.")
    write_million: float = Field(default=0.625, ge=0, description="A million write request units, on demand.")
    read_million: float = Field(default=0.125, ge=0, description="A million read request units, on demand.")
    write_hour: float = Field(default=0.00065, ge=0, description="A provisioned write capacity unit for an hour.")
    read_hour: float = Field(default=0.00013, ge=0, description="A provisioned read capacity unit for an hour.")
    storage_month: float = Field(default=0.25, ge=0, description="A GB (2^30 bytes) stored for a month.")
