// Package conformance runs published test suites against the authentication
// packages, so that the tests and the bench command count the same way.
//
// Each runner is given the path of a suite and returns how many cases passed,
// how many there are, and a line for each that did not.
package conformance

import (
	"cmp"
	"maps"
	"slices"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
