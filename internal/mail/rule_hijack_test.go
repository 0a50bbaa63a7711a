package mail

import (
	"testing"

	"portcullis.example/portcullis/internal/synth"
)

func TestGeneratedHijacks(t *testing.T) {
	for _, seed := range impersonationSeeds() {
		h := synth.NewHouse(seed, 120)
		w := newMemory(t, h.PeopleTOML(), gateways(h)...)
		found, all := measure(t, w, synth.Hijack(seed, h, 40))
		for _, class := range append(synth.HijackClasses(), "thread") {
			t.Logf("seed %d %-22s %d/%d", seed, class, found[class], all[class])
		}
		for _, class := range []string{"hijack/newcomer", "hijack/bank-details", "hijack/reply-to"} {
			if found[class]*100 < all[class]*95 {
				t.Errorf("seed %d %s: %d of %d found, want 95 %%", seed, class, found[class], all[class])
			}
		}
		if found["thread"] > 0 {
			t.Errorf("seed %d: %d alarms in %d genuine conversations", seed, found["thread"], all["thread"])
		}
	}
}

func TestFindIBAN(t *testing.T) {
	for text, want := range map[string]string{
		"pay to GB82 WEST 1234 5698 7654 32, thanks": "GB82 WEST 1234 5698 7654 32",
		"DE89370400440532013000":                     "DE89370400440532013000",
		"DE89370400440532013001":                     "",
		"XDE89370400440532013000":                    "",
		"GB82 WEST":                                  "",
		"":                                           "",
	} {
		if got := findIBAN(text); got.text != want {
			t.Errorf("%q: %q, want %q", text, got.text, want)
		}
	}
}
