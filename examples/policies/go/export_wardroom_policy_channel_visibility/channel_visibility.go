// Package export_wardroom_policy_channel_visibility decides who sees a channel: one with a region
// is for those of that region and for the roles that see all regions, one with a level for those
// of at least that level.
package export_wardroom_policy_channel_visibility

import (
	"slices"
	"strconv"
	"strings"

	"example.com/house-rules/collector"
	"example.com/house-rules/selectors"
	"example.com/house-rules/settings"
	. "example.com/house-rules/wardroom_policy_channel_visibility"
	. "go.bytecodealliance.org/pkg/wit/types"
)

// Audience answers with a rule, which the server applies to everybody.
func Audience(channel *Channel) Rule {
	defer collector.Collect()
	// What is lent must be given back before the answer.
	defer channel.Drop()
	if channel.Attribute("level").IsSome() {
		// No selector compares numbers, so that the server has to ask Decide.
		return MakeRuleEach()
	}
	region := channel.Attribute("region")
	if region.IsNone() {
		return MakeRuleEveryone()
	}
	return MakeRuleOnly(selectors.AnyOf(
		selectors.AllOf(selectors.Attribute("region", region.Some())),
		selectors.AllOf(selectors.Roles(settings.Current.AllRegionsRoles)),
	))
}

// Decide says for each of the subjects whether they see the channel.
func Decide(channel *Channel, subjects []*Subject) []bool {
	defer collector.Collect()
	defer channel.Drop()
	region := channel.Attribute("region")
	least, open := 0, true
	if level := channel.Attribute("level"); level.IsSome() {
		least, open = wholeNumber(level.Some())
	}
	answers := make([]bool, len(subjects))
	for i, subject := range subjects {
		answers[i] = open && levelOf(subject) >= least && inRegion(subject, region)
		// What is given is the policy's to drop.
		subject.Drop()
	}
	return answers
}

func inRegion(subject *Subject, region Option[string]) bool {
	if region.IsNone() {
		return true
	}
	if own := subject.Attribute("region"); own.IsSome() && own.Some() == region.Some() {
		return true
	}
	role := subject.Role()
	return role.IsSome() && slices.Contains(settings.Current.AllRegionsRoles, role.Some())
}

// levelOf is the level that somebody has; who has none that makes sense has the lowest.
func levelOf(subject *Subject) int {
	level, _ := wholeNumber(subject.Attribute("level").SomeOr(""))
	return level
}

// wholeNumber reads a number of up to nine digits and nothing else.
func wholeNumber(text string) (int, bool) {
	if text == "" || len(text) > 9 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.Atoi(text)
	return number, err == nil
}
