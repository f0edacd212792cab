// Package settings holds the settings of the policy: their form, their check, and what working
// hours mean. It knows nothing of the server, so `go test ./settings` tests it.
package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Settings is what an operator sets; everything is optional.
type Settings struct {
	// The working hours of each region.
	Regions map[string]Hours
	// Roles that see the channels of every region.
	AllRegionsRoles []string
	// Roles that may select a channel at any hour.
	AnyHourRoles []string
	// Roles that do not get anybody's contact data but their own.
	HiddenFrom []string
}

// Hours are the working hours of a region, in its own time. They may go past midnight.
type Hours struct {
	From, To, UTCOffset int
}

// Current is what `configure` took; it runs once in each instance, before any question.
var Current Settings

// OpenAt says whether the hours hold at this moment.
func (h Hours) OpenAt(now time.Time) bool {
	hour := (now.UTC().Hour() + h.UTCOffset + 24) % 24
	if h.From < h.To {
		return h.From <= hour && hour < h.To
	}
	return h.From <= hour || hour < h.To
}

type object = map[string]json.RawMessage

// Parse reads the settings; its error names the setting that is wrong.
func Parse(text string) (Settings, error) {
	var parsed Settings
	given, err := read("settings", []byte(text))
	if err == nil {
		err = only("settings", given, "regions", "all_regions_roles", "any_hour_roles", "hidden_from")
	}
	if err == nil {
		parsed.Regions, err = regions(given)
	}
	for key, roles := range map[string]*[]string{
		"all_regions_roles": &parsed.AllRegionsRoles,
		"any_hour_roles":    &parsed.AnyHourRoles,
		"hidden_from":       &parsed.HiddenFrom,
	} {
		if value, set := given[key]; err == nil && set {
			// JSON's null would be read as no roles.
			if json.Unmarshal(value, roles) != nil || *roles == nil || slices.Contains(*roles, "") {
				err = fmt.Errorf("%s: must be a list of roles", key)
			}
		}
	}
	return parsed, err
}

func regions(given object) (map[string]Hours, error) {
	value, set := given["regions"]
	if !set {
		return nil, nil
	}
	named, err := read("regions", value)
	if err != nil {
		return nil, err
	}
	regions := make(map[string]Hours, len(named))
	for name, value := range named {
		if regions[name], err = hours("regions."+name, value); err != nil {
			return nil, err
		}
	}
	return regions, nil
}

func hours(name string, value json.RawMessage) (Hours, error) {
	given, err := read(name, value)
	if err == nil {
		err = only(name, given, "from", "to", "utc_offset")
	}
	var h Hours
	if err == nil {
		h.From, err = wholeNumber(name+".from", given["from"], 0, 23)
	}
	if err == nil {
		h.To, err = wholeNumber(name+".to", given["to"], 1, 24)
	}
	if offset, set := given["utc_offset"]; err == nil && set {
		h.UTCOffset, err = wholeNumber(name+".utc_offset", offset, -12, 14)
	}
	if err == nil && h.From == h.To {
		err = fmt.Errorf("%s: from and to must differ", name)
	}
	return h, err
}

func wholeNumber(name string, value json.RawMessage, least, most int) (int, error) {
	// Of JSON's null nothing is read.
	var number *int
	read := len(value) > 0 && json.Unmarshal(value, &number) == nil && number != nil
	if !read || *number < least || most < *number {
		return 0, fmt.Errorf("%s: must be a whole number from %d to %d", name, least, most)
	}
	return *number, nil
}

func read(name string, value json.RawMessage) (object, error) {
	var given object
	if !bytes.HasPrefix(bytes.TrimSpace(value), []byte("{")) || json.Unmarshal(value, &given) != nil {
		return nil, fmt.Errorf("%s: must be an object", name)
	}
	return given, nil
}

func only(name string, given object, keys ...string) error {
	for key := range given {
		if !slices.Contains(keys, key) {
			return fmt.Errorf("%s.%s: unknown; there are %s", name, key, strings.Join(keys, ", "))
		}
	}
	return nil
}
