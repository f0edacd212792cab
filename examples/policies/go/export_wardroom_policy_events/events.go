// Package export_wardroom_policy_events decides how an event looks: contact data is hidden from
// the roles that the settings name.
package export_wardroom_policy_events

import (
	"encoding/json"

	"example.com/house-rules/collector"
	"example.com/house-rules/selectors"
	"example.com/house-rules/settings"
	. "example.com/house-rules/wardroom_policy_events"
	"example.com/house-rules/wardroom_policy_types"
)

var contact = []string{"email", "phone"}

// Render answers with one form of the event or two.
func Render(event *Event) Rendering {
	defer collector.Collect()
	// What is lent must be given back before the answer.
	defer event.Drop()
	name := event.Name()
	hides := name == "user-joined" || name == "user-updated"
	if !hides || len(settings.Current.HiddenFrom) == 0 {
		return MakeRenderingUnchanged()
	}
	payload := event.Payload()
	redacted, found := withoutContact(payload)
	if !found {
		return MakeRenderingUnchanged()
	}
	return MakeRenderingSplit([]Rendition{
		{To: maySee(event), Payload: payload},
		{To: selectors.AnyOf(selectors.AllOf()), Payload: redacted},
	})
}

func maySee(event *Event) wardroom_policy_types.Selector {
	others := selectors.NoneOf(selectors.Roles(settings.Current.HiddenFrom))
	about := event.Subject()
	if about.IsNone() {
		return selectors.AnyOf(others)
	}
	subject := about.Some()
	defer subject.Drop()
	// People see their own contact data whatever their role.
	return selectors.AnyOf(others, selectors.AllOf(selectors.Users(subject.Id())))
}

// withoutContact is the payload without contact data, and whether it had any. What else it holds
// is not looked at.
func withoutContact(payload string) (string, bool) {
	var whole, user map[string]json.RawMessage
	if json.Unmarshal([]byte(payload), &whole) != nil || json.Unmarshal(whole["user"], &user) != nil {
		return "", false
	}
	fields := len(user)
	for _, field := range contact {
		delete(user, field)
	}
	if len(user) == fields {
		return "", false
	}
	whole["user"], _ = json.Marshal(user)
	redacted, err := json.Marshal(whole)
	return string(redacted), err == nil
}
