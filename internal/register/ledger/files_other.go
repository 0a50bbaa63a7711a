//go:build !linux

package ledger

import (
	"os"
	"time"
)

func syncData(f *os.File) error { return f.Sync() }

// pause sleeps.
func pause(d time.Duration) { time.Sleep(d) }
