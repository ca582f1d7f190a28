"""Rows with everything a table requires, for tests to say only what they are about."""

from __future__ import annotations

from datetime import datetime

Row = dict[str, object]


def entry(entry_id: str, amount: int = 15, **changes: object) -> Row:
    return {
        "provider": "sandbox",
        "entry_id": entry_id,
        "entry_type": "charge" if amount >= 0 else "refund",
        "credits": amount,
        "booked_at": datetime(2026, 11, 22, 12),
    } | changes


def image(job_id: str, **changes: object) -> Row:
    return {
        "provider": "sandbox",
        "fingerprint": f"fingerprint-{job_id}",
        "character_id": "mira",
        "prompt_id": "mira-hero",
        "variation": 1,
        "edition": "base",
        "path": f"images/mira/mira-hero/{job_id}.png",
        "sha256": "00",
        "bytes": 1,
        "width": 1,
        "height": 1,
        "format": "png",
        "job_id": job_id,
        "created_at": datetime(2026, 11, 22, 12),
    } | changes


def generation(job_id: str, amount: int | None = 15, **changes: object) -> Row:
    return {
        "provider": "sandbox",
        "character_id": "mira",
        "prompt_id": "mira-hero",
        "variation": 1,
        "edition": "base",
        "fingerprint": f"fingerprint-{job_id}",
        "attempt": 1,
        "idempotency_key": f"key-{job_id}",
        "job_id": job_id,
        "status": "stored",
        "credits": amount,
    } | changes


def planned(fingerprint: str, decision: str, amount: int = 0, **changes: object) -> Row:
    return {
        "planned_at": datetime(2026, 11, 22, 12),
        "run_id": "run-1",
        "character_id": "mira",
        "prompt_id": "mira-hero",
        "variation": 1,
        "edition": "base",
        "decision": decision,
        "reason": "",
        "credits": amount,
        "rendering_speed": "default",
        "seed": 1,
        "fingerprint": fingerprint,
        "prompt": "Mira waves",
        "reproducible": True,
    } | changes


def character(character_id: str, **changes: object) -> Row:
    return {
        "character_id": character_id,
        "name": character_id.title(),
        "reference_image": f"/catalog/{character_id}.png",
        "updated_at": datetime(2026, 11, 22, 12),
    } | changes
