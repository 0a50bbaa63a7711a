//go:build !unix

package bench

import (
	"os"
	"time"
)

// peakOf is not known on this system.
func peakOf(*os.ProcessState) int64 { return 0 }

// cpuTime is not known on this system.
func cpuTime() (time.Duration, bool) { return 0, false }
