"""Rotating snapshots: keep the last hours, days and weeks, and forget the rest."""

from __future__ import annotations

import argparse
import logging
import shutil
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Callable, Iterable, Iterator

logger = logging.getLogger(__name__)

PATTERN = "%Y-%m-%dT%H%M%S"
DEFAULT_POLICY = {"hourly": 24, "daily": 7, "weekly": 4, "monthly": 12}


@dataclass(frozen=True, order=True)
class Snapshot:
    taken_at: datetime
    path: Path = field(compare=False)
    size_bytes: int = field(default=0, compare=False)

    @classmethod
    def from_path(cls, path: Path) -> "Snapshot | None":
        try:
            taken_at = datetime.strptime(path.name, PATTERN)
        except ValueError:
            logger.debug("ignoring %s: not a snapshot", path)
            return None
        return cls(taken_at, path, sum(f.stat().st_size for f in path.rglob("*") if f.is_file()))

    @property
    def age(self) -> timedelta:
        return datetime.utcnow() - self.taken_at


def bucket_key(period: str) -> Callable[[Snapshot], tuple[int, ...]]:
    keys = {
        "hourly": lambda s: (s.taken_at.year, s.taken_at.timetuple().tm_yday, s.taken_at.hour),
        "daily": lambda s: (s.taken_at.year, s.taken_at.timetuple().tm_yday),
        "weekly": lambda s: s.taken_at.isocalendar()[:2],
        "monthly": lambda s: (s.taken_at.year, s.taken_at.month),
    }
    if period not in keys:
        raise KeyError(f"unknown period: {period!r}; expected one of {sorted(keys)}")
    return keys[period]


def survivors(snapshots: Iterable[Snapshot], policy: dict[str, int]) -> set[Snapshot]:
    """The newest snapshot of each of the last N buckets of each period."""
    ordered = sorted(snapshots, reverse=True)
    keep: set[Snapshot] = set(ordered[:1])
    for period, count in policy.items():
        buckets: OrderedDict[tuple[int, ...], Snapshot] = OrderedDict()
        for snapshot in ordered:
            buckets.setdefault(bucket_key(period)(snapshot), snapshot)
            if len(buckets) > count:
                buckets.popitem(last=True)
                break
        keep.update(buckets.values())
    return keep


def find(root: Path) -> Iterator[Snapshot]:
    for child in sorted(root.iterdir()):
        if child.is_dir() and (snapshot := Snapshot.from_path(child)) is not None:
            yield snapshot


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--dry-run", "-n", action="store_true", help="only print what would be removed")
    parser.add_argument("--keep", action="append", default=[], metavar="PERIOD=COUNT")
    args = parser.parse_args(argv)
    policy = dict(DEFAULT_POLICY)
    for item in args.keep:
        period, _, count = item.partition("=")
        policy[period] = int(count)

    snapshots = list(find(args.root))
    keep = survivors(snapshots, policy)
    freed = 0
    for snapshot in snapshots:
        if snapshot in keep:
            continue
        freed += snapshot.size_bytes
        print(f"{'would remove' if args.dry_run else 'removing'} {snapshot.path} ({snapshot.size_bytes / 1e6:.1f} MB)")
        if not args.dry_run:
            shutil.rmtree(snapshot.path, ignore_errors=True)
    print(f"{len(keep)} kept, {len(snapshots) - len(keep)} removed, {freed / 1e9:.2f} GB freed")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
