"""Statements that change tables while they are captured: cases by engine, and what runs them through a pipeline."""
