// Package export_wardroom_policy_channel_visibility decides who sees a channel: one with a region
// is for those of that region, and for the roles that see all regions.
package export_wardroom_policy_channel_visibility

import (
	"houserules/selectors"
	"houserules/settings"
	. "houserules/wardroom_policy_channel_visibility"
)

// Audience answers with a rule, which the server applies to everybody.
func Audience(channel *Channel) Rule {
	// What is lent must be given back before the answer.
	defer channel.Drop()
	region := channel.Attribute("region")
	if region.IsNone() {
		return MakeRuleEveryone()
	}
	return MakeRuleOnly(selectors.AnyOf(
		selectors.AllOf(selectors.Attribute("region", region.Some())),
		selectors.AllOf(selectors.Roles(settings.Current.AllRegionsRoles)),
	))
}

// Decide is asked only of a policy that answers `each`, which this one never does.
func Decide(channel *Channel, subjects []*Subject) []bool {
	channel.Drop()
	for _, subject := range subjects {
		subject.Drop()
	}
	return make([]bool, len(subjects))
}
