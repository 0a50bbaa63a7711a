package web

import "testing"

// BenchmarkSituation is the first page without what its desk takes: rendering alone.
func BenchmarkSituation(b *testing.B) { benchPage(b, "/") }

// BenchmarkCampaign is the largest page, with its drawings.
func BenchmarkCampaign(b *testing.B) { benchPage(b, "/campaigns/campaign:0000") }

// BenchmarkFinding lays out a message's source.
func BenchmarkFinding(b *testing.B) { benchPage(b, "/findings/finding:0001") }

func benchPage(b *testing.B, path string) {
	h := newDesk(b, &fakeDesk{})
	for b.Loop() {
		if w := get(b, h, path, ""); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
