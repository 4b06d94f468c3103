"""The assessment for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tailrace import __version__
from tailrace.conversion.outcome import Item, Verdict
from tailrace.conversion.report import words
from tailrace.conversion.report.assessment import Assessment, Figures, Group, Target


def record(assessment: Assessment) -> dict[str, Any]:
    """All of it, as JSON has it; docs/reference/cli.md names the members."""
    source = assessment.source
    return {
        "tailrace": __version__,
        "created": f"{assessment.created:%Y-%m-%dT%H:%M:%SZ}",
        "source": {
            "dialect": source.dialect,
            "version": source.version,
            "origin": source.origin,
            "tables": len(source.tables),
            "rows": _sum(table.rows for table in source.tables),
            "bytes": _sum(table.bytes for table in source.tables),
            "skipped": [asdict(entry) for entry in source.skipped],
        },
        "targets": [_target(target) for target in assessment.targets],
    }


def _sum(values: Any) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _target(target: Target) -> dict[str, Any]:
    return {
        "sink": target.sink,
        "dialect": target.dialect,
        "version": target.version,
        "objects": _figures(target.objects),
        "storage": _figures(target.storage),
        "code": _figures(target.code),
        "percent": target.objects.percent(target.objects.made),
        "hours": round(target.hours, 2),
        "kinds": [{"kind": kind, **_figures(figures)} for kind, figures in target.kinds.items()],
        "complexity": [
            {"class": entry.complexity, "objects": entry.objects, "items": entry.items, "hours": round(entry.hours, 2)}
            for entry in target.effort
        ],
        "actions": [_group(group) for group in target.actions],
        "findings": [_group(group) for group in target.findings],
        "verdicts": [_verdict(verdict) for verdict in target.verdicts],
    }


def _figures(figures: Figures) -> dict[str, int]:
    return {
        "total": figures.total,
        "automatic": figures.automatic,
        "changed": figures.changed,
        "by_hand": figures.by_hand,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "code": group.code,
        "title": group.title,
        "summary": words.sentence(group.plain),
        "grade": group.grade,
        "complexity": group.complexity,
        "hours": round(group.hours, 2),
        "items": [_item(item) for item in group.items],
    }


def _item(item: Item) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "name": str(item.name),
        "member": item.member,
        "line": item.line or None,
        "grade": item.grade,
        "complexity": item.complexity,
        "reason": item.reason,
        "proposal": item.proposal,
        "original": item.original,
        "replacement": item.replacement,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "kind": verdict.kind,
        "name": str(verdict.name),
        "member": verdict.member,
        "line": verdict.line or None,
        "grade": verdict.grade,
        "target": verdict.target,
    }
