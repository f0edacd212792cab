// Package collector collects garbage where it may be done: at the end of a hook. Go would do it
// whenever memory is allocated, also while the server hands over arguments, and a collection asks for
// the time, which no component may do then: it would be a trap, once in hundreds of calls.
package collector

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// enough is how much is allocated between two collections, in bytes.
const enough = 4 << 20

var allocated = []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
var collectedAt uint64

func init() {
	debug.SetGCPercent(-1)
}

// Collect collects if enough has been allocated since it did last. Each hook ends with it.
func Collect() {
	metrics.Read(allocated)
	if now := allocated[0].Value.Uint64(); now-collectedAt >= enough {
		collectedAt = now
		runtime.GC()
	}
}
