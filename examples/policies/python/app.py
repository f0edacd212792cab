"""House rules: who enters, who sees a channel, who gets contact data, and when a channel is open.

`settings.py` says what the settings mean. Nothing here remembers anything between calls but them.
"""

import json
import time

from componentize_py_types import Err
from settings import Settings, parse
from wit_world import exports
from wit_world.exports.channel_visibility import Rule, Rule_Each, Rule_Everyone, Rule_Only
from wit_world.exports.events import (
    Rendering,
    Rendering_Split,
    Rendering_Unchanged,
    Rendition,
)
from wit_world.imports.context import Channel, Command, Event, Request, Subject
from wit_world.imports.types import (
    Clause,
    Denial,
    Selector,
    Test,
    Test_Attribute,
    Test_Roles,
    Test_Users,
)

CONTACT = ("email", "phone")

settings = Settings()


class Lifecycle(exports.Lifecycle):
    def configure(self, settings: str) -> None:
        try:
            globals()["settings"] = parse(settings)
        except ValueError as error:
            raise Err(str(error)) from None


class Admission(exports.Admission):
    def admit(self, request: Request) -> None:
        # Asked when somebody comes, and again when what is known of them changes.
        if request.subject().attribute("suspended") == "true":
            raise Err(
                Denial(code="suspended", message="You are suspended; ask an administrator.")
            )


class ChannelVisibility(exports.ChannelVisibility):
    def audience(self, channel: Channel) -> Rule:
        # No selector compares numbers, so that the server has to ask `decide`.
        if channel.attribute("level") is not None:
            return Rule_Each()
        region = channel.attribute("region")
        if region is None:
            return Rule_Everyone()
        return Rule_Only(
            any_of(
                all_of(Test_Attribute(("region", region))),
                all_of(Test_Roles(settings.all_regions_roles)),
            )
        )

    def decide(self, channel: Channel, subjects: list[Subject]) -> list[bool]:
        level = channel.attribute("level")
        least = 0 if level is None else whole_number(level)
        if least is None:
            return [False for _ in subjects]
        region = channel.attribute("region")
        return [level_of(s) >= least and in_region(s, region) for s in subjects]


class Commands(exports.Commands):
    def authorize(self, command: Command) -> str | None:
        if command.name() != "select-channel":
            return None
        channel = command.channel()
        if channel is None:
            return None
        hours = settings.regions.get(channel.attribute("region"))
        if hours is None:
            return None
        if hours.open_at(int(time.time())):
            return json.dumps({"openUntil": hours.to})
        subject = command.subject()
        if subject.is_member_of(channel) or subject.role() in settings.any_hour_roles:
            return None
        raise Err(
            Denial(
                code="outside-working-hours",
                message=f"{channel.id()} is open from {hours.start} to {hours.to} "
                f"(UTC{hours.utc_offset:+d})",
            )
        )


class Events(exports.Events):
    def render(self, event: Event) -> Rendering:
        if event.name() not in ("user-joined", "user-updated") or not settings.hidden_from:
            return Rendering_Unchanged()
        whole = event.payload()
        payload = json.loads(whole)
        user = payload.get("user")
        if not isinstance(user, dict) or not any(field in user for field in CONTACT):
            return Rendering_Unchanged()
        for field in CONTACT:
            user.pop(field, None)
        # People see their own contact data whatever their role.
        may_see = [none_of(Test_Roles(settings.hidden_from))]
        subject = event.subject()
        if subject is not None:
            may_see.append(all_of(Test_Users([subject.id()])))
        return Rendering_Split(
            [
                Rendition(to=any_of(*may_see), payload=whole),
                Rendition(to=any_of(all_of()), payload=json.dumps(payload, ensure_ascii=False)),
            ]
        )


def in_region(subject: Subject, region: str | None) -> bool:
    if region is None or subject.attribute("region") == region:
        return True
    return subject.role() in settings.all_regions_roles


def level_of(subject: Subject) -> int:
    """The level that somebody has; who has none that makes sense has the lowest."""
    return whole_number(subject.attribute("level") or "") or 0


def whole_number(text: str) -> int | None:
    """A number of up to nine digits and nothing else."""
    return int(text) if len(text) <= 9 and text.isascii() and text.isdigit() else None


def any_of(*clauses: Clause) -> Selector:
    return Selector(any=list(clauses))


def all_of(*tests: Test) -> Clause:
    return Clause(all=list(tests), none=[])


def none_of(*tests: Test) -> Clause:
    return Clause(all=[], none=list(tests))
