"""The settings of the policy: their form, their check, and what working hours mean.

Knows nothing of the server: `python3 -m doctest settings.py` needs no tools.
"""

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Hours:
    """The working hours of a region, in its own time. They may go past midnight.

    >>> Hours(8, 18, 1).open_at(10 * 3600)
    True
    >>> Hours(22, 6, 0).open_at(12 * 3600)
    False
    """

    start: int
    to: int
    utc_offset: int

    def open_at(self, seconds: int) -> bool:
        hour = (seconds // 3600 + self.utc_offset) % 24
        if self.start < self.to:
            return self.start <= hour < self.to
        return hour >= self.start or hour < self.to


@dataclass(frozen=True)
class Settings:
    regions: dict[str, Hours] = field(default_factory=dict)
    all_regions_roles: list[str] = field(default_factory=list)
    any_hour_roles: list[str] = field(default_factory=list)
    hidden_from: list[str] = field(default_factory=list)


def parse(text: str) -> Settings:
    """Reads the settings, or raises a ValueError that names the setting which is wrong.

    >>> parse('{"hidden_from": "guest"}')
    Traceback (most recent call last):
    ValueError: hidden_from: must be a list of roles
    """
    given = json.loads(text)
    only(given, "settings", ("regions", "all_regions_roles", "any_hour_roles", "hidden_from"))
    regions = given.pop("regions", {})
    if not isinstance(regions, dict):
        raise ValueError("regions: must be an object from a region to its working hours")
    return Settings(
        regions={name: hours(f"regions.{name}", value) for name, value in regions.items()},
        **{name: roles(name, value) for name, value in given.items()},
    )


def hours(name: str, value: object) -> Hours:
    only(value, name, ("from", "to", "utc_offset"))
    start = whole_number(name, "from", value, 0, 23)
    to = whole_number(name, "to", value, 1, 24)
    if start == to:
        raise ValueError(f"{name}: from and to must differ")
    return Hours(start, to, whole_number(name, "utc_offset", {"utc_offset": 0} | value, -12, 14))


def whole_number(name: str, key: str, values: dict, least: int, most: int) -> int:
    value = values.get(key)
    # In Python true is a number.
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name}.{key}: must be a whole number from {least} to {most}")
    return value


def roles(name: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(r, str) and r for r in value):
        raise ValueError(f"{name}: must be a list of roles")
    return value


def only(value: object, name: str, keys: tuple[str, ...]) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{name}: must be an object")
    for key in value:
        if key not in keys:
            raise ValueError(f"{name}.{key}: unknown; there are {', '.join(keys)}")
