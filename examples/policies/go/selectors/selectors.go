// Package selectors has short words for sets of people.
package selectors

import (
	. "example.com/house-rules/wardroom_policy_types"

	"go.bytecodealliance.org/pkg/wit/types"
)

// AnyOf is everybody whom one of the clauses matches.
func AnyOf(clauses ...Clause) Selector { return Selector{Any: clauses} }

// AllOf is everybody who passes all of the tests.
func AllOf(tests ...Test) Clause { return Clause{All: tests} }

// NoneOf is everybody who passes none of the tests.
func NoneOf(tests ...Test) Clause { return Clause{None: tests} }

// Roles is whoever has one of these roles.
func Roles(roles []string) Test { return MakeTestRoles(roles) }

// Users is whoever is one of these users.
func Users(ids ...string) Test { return MakeTestUsers(ids) }

// Attribute is whoever has this attribute.
func Attribute(name, value string) Test {
	return MakeTestAttribute(wit_types.Tuple2[string, string]{F0: name, F1: value})
}
