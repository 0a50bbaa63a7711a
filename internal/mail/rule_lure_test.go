package mail

import (
	"os"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/synth"
)

// measure runs generated mail in the order of delivery and counts, per class,
// what was found above informational.
func measure(t *testing.T, w *memory, mails []synth.Mail) (found, all map[string]int) {
	t.Helper()
	found, all = map[string]int{}, map[string]int{}
	for _, m := range mails {
		v := w.look(m.Raw, m.Path, m.Time)
		all[m.Truth.Class]++
		switch loud := len(alarms(v)) > 0; {
		case loud:
			found[m.Truth.Class]++
			if !m.Truth.Malicious {
				t.Logf("alarm in %s: %s: %s", m.Truth.Class, alarms(v)[0].Rule, alarms(v)[0].Summary)
			}
		case m.Truth.Malicious && os.Getenv("PORTCULLIS_TEST_VERBOSE") != "":
			t.Logf("missed %s %s: %s", m.Truth.Class, headerLine(m.Raw), strings.Join(summaries(v), " || "))
		}
	}
	return found, all
}

func TestGeneratedLures(t *testing.T) {
	for _, seed := range impersonationSeeds() {
		h := synth.NewHouse(seed, 120)
		w := newMemory(t, h.PeopleTOML(), gateways(h)...)
		found, all := measure(t, w, synth.Lure(seed, h, 40))
		for _, class := range synth.LureClasses() {
			t.Logf("seed %d %-20s %d/%d", seed, class, found[class], all[class])
			if found[class]*100 < all[class]*90 {
				t.Errorf("seed %d %s: %d of %d found, want 90 %%", seed, class, found[class], all[class])
			}
		}
	}
}
