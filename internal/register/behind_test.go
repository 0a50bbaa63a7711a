//go:build unix

package register_test

import (
	"strings"
	"sync"
	"testing"

	"portcullis.example/portcullis/internal/register/pgtest"
)

// TestLogBehind observes with a ledger that rows do not wait for: once the guard has ended in order, the ledger names
// everybody whose record left, in bulk and one by one, and nobody else.
func TestLogBehind(t *testing.T) {
	pg := pgtest.Start(t)
	voters(t, pg, 60_000)
	cfg := config(t, pg, t.TempDir(), strings.Replace(testPolicy, `mode = "enforce"`, `mode = "observe"`, 1))
	cfg.LogBehind = true
	o := open(t, pg, cfg)
	var all sync.WaitGroup
	left := make([][]int64, 4)
	for i := range left {
		c := o.connect(t, "alice", "desk/enquiry")
		all.Go(func() {
			for n := range 50 {
				got, err := ids(t, c, `SELECT id, name FROM voters WHERE id = $1`, 50_000+i*100+n)
				if err != nil {
					t.Error(err)
				}
				left[i] = append(left[i], got...)
			}
			got, err := ids(t, c, `SELECT * FROM voters WHERE id <= $1`, 10_000*(i+1))
			if err != nil {
				t.Error(err)
			}
			left[i] = append(left[i], got...)
		})
	}
	all.Wait()
	o.stop()
	var everybody []int64
	for _, some := range left {
		everybody = append(everybody, some...)
	}
	if len(everybody) != 100_000+200 {
		t.Errorf("observing, %d rows left", len(everybody))
	}
	o.checkLedger(t, "alice", everybody)
}
