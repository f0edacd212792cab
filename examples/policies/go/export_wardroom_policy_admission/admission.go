// Package export_wardroom_policy_admission decides who enters: nobody who is suspended.
package export_wardroom_policy_admission

import (
	"example.com/house-rules/collector"
	. "example.com/house-rules/wardroom_policy_admission"

	. "go.bytecodealliance.org/pkg/wit/types"
)

// Admit is asked when somebody comes, and again when what is known of them changes.
func Admit(request *Request) Result[Unit, Denial] {
	defer collector.Collect()
	// What is lent must be given back before the answer.
	defer request.Drop()
	subject := request.Subject()
	defer subject.Drop()
	if subject.Attribute("suspended").SomeOr("") != "true" {
		return Ok[Unit, Denial](Unit{})
	}
	return Err[Unit](Denial{
		Code: "suspended", Message: "You are suspended; ask an administrator.",
	})
}
