package mail

import (
	"os"
	"strconv"
	"testing"

	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/synth"
)

// impersonationSeeds are those the weights were fixed on. Odd seeds, which share
// no template with them, are for reporting; PORTCULLIS_TEST_SEED sets another.
func impersonationSeeds() []uint64 {
	if s, err := strconv.ParseUint(os.Getenv("PORTCULLIS_TEST_SEED"), 10, 64); err == nil {
		return []uint64{s}
	}
	return []uint64{2, 4, 6}
}

func TestGeneratedImpersonations(t *testing.T) {
	for _, seed := range impersonationSeeds() {
		h := synth.NewHouse(seed, 120)
		w := newMemory(t, h.PeopleTOML(), gateways(h)...)
		found, all := map[string]int{}, map[string]int{}
		total, hit := 0, 0
		for _, m := range synth.Impersonation(seed, h, 20) {
			v := w.look(m.Raw, m.Path, m.Time)
			all[m.Truth.Class]++
			total++
			if len(alarms(v)) > 0 {
				found[m.Truth.Class]++
				hit++
			} else if os.Getenv("PORTCULLIS_TEST_VERBOSE") != "" {
				t.Logf("missed %s %s: %+v", m.Truth.Class, headerLine(m.Raw), summaries(v))
			}
		}
		for _, class := range synth.ImpersonationClasses() {
			t.Logf("seed %d %-32s %d/%d", seed, class, found[class], all[class])
		}
		t.Logf("seed %d: %d of %d", seed, hit, total)
		if hit*100 < total*98 {
			t.Errorf("seed %d: %d of %d impersonations found, want 98 %%", seed, hit, total)
		}
	}
}

func TestEverydayMailIsQuiet(t *testing.T) {
	if testing.Short() {
		t.Skip("much computing, and nothing shared")
	}
	for _, seed := range impersonationSeeds() {
		h := synth.NewHouse(seed, 120)
		w := newMemory(t, h.PeopleTOML(), gateways(h)...)
		alarmed := map[string]int{}
		n := 0
		for _, m := range append(synth.Everyday(seed, h, 1500), synth.Letters(seed, h, 60)...) {
			v := w.look(m.Raw, m.Path, m.Time)
			n++
			if list := alarms(v); len(list) > 0 {
				alarmed[m.Truth.Class]++
				t.Logf("seed %d %s: %s: %s", seed, m.Truth.Class, list[0].Rule, list[0].Summary)
			}
		}
		if len(alarmed) > 0 {
			t.Errorf("seed %d: alarms in %d harmless mails: %v", seed, n, alarmed)
		}
	}
}

func TestFamilyDomain(t *testing.T) {
	for domain, want := range map[string]bool{"keller.example": true, "kellerbau.example": true, "keller-office.example": false, "kellermail.example": false, "anna-keller.example": false, "other.example": false} {
		in := Input{Sender: message.Address{Name: "Anna Keller"}, SenderOrg: domain, People: &people.Directory{}}
		if got := in.familyDomain(); got != want {
			t.Errorf("%s is a namesake's firm: %v", domain, got)
		}
	}
}
