// Package export_wardroom_policy_commands decides what a command may do: a channel is selected in
// the working hours of its region.
package export_wardroom_policy_commands

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"example.com/house-rules/collector"
	"example.com/house-rules/settings"
	. "example.com/house-rules/wardroom_policy_commands"
	"example.com/house-rules/wardroom_policy_context"

	. "go.bytecodealliance.org/pkg/wit/types"
)

type answer = Result[Option[string], Denial]

var allowed = Ok[Option[string], Denial](None[string]())

// Authorize allows, with or without a grant, or denies.
func Authorize(command *Command) answer {
	defer collector.Collect()
	// What is lent must be given back before the answer.
	defer command.Drop()
	if command.Name() != "select-channel" {
		return allowed
	}
	about := command.Channel()
	if about.IsNone() {
		return allowed
	}
	channel := about.Some()
	defer channel.Drop()
	region := channel.Attribute("region")
	hours, found := settings.Current.Regions[region.SomeOr("")]
	if region.IsNone() || !found {
		return allowed
	}
	if hours.OpenAt(time.Now()) {
		grant, _ := json.Marshal(map[string]int{"openUntil": hours.To})
		return Ok[Option[string], Denial](Some(string(grant)))
	}
	if atAnyHour(command, channel) {
		return allowed
	}
	return Err[Option[string]](Denial{
		Code: "outside-working-hours",
		Message: fmt.Sprintf(
			"%s is open from %d to %d (UTC%+d)", channel.Id(), hours.From, hours.To, hours.UTCOffset,
		),
	})
}

func atAnyHour(command *Command, channel *wardroom_policy_context.Channel) bool {
	subject := command.Subject()
	defer subject.Drop()
	role := subject.Role()
	excepted := role.IsSome() && slices.Contains(settings.Current.AnyHourRoles, role.Some())
	return excepted || subject.IsMemberOf(channel)
}
