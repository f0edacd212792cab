// Package export_wardroom_policy_lifecycle takes the settings.
package export_wardroom_policy_lifecycle

import (
	"example.com/house-rules/settings"

	. "go.bytecodealliance.org/pkg/wit/types"
)

// Configure keeps the settings, or says what is wrong with them.
func Configure(text string) Result[Unit, string] {
	parsed, err := settings.Parse(text)
	if err != nil {
		return Err[Unit](err.Error())
	}
	settings.Current = parsed
	return Ok[Unit, string](Unit{})
}
