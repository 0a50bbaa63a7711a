package campaigns

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/store"
)

// The stored state of the benchmarks: so many items in so many campaigns, each of some mails with a tracker and a
// text of their own, sent over what many others use as well.
const (
	benchItems     = 100_000
	benchCampaigns = 10_000
)

// still answers as an archive of ten times as many mails would.
type still struct{}

func (still) Total(context.Context) (int, error) { return 10 * benchItems, nil }
func (still) Frequency(_ context.Context, values []portcullis.Observable) ([]int, error) {
	counts := make([]int, len(values))
	for i, v := range values {
		if counts[i] = 8; strings.HasPrefix(v.Value, "common") {
			counts[i] = benchItems
		}
	}
	return counts, nil
}
func (still) Seen(context.Context, portcullis.Observable, int) ([]Sighting, error) { return nil, nil }

var benchDeps = Deps{Archive: still{}, Groups: committees{}}

// benchItem is the n-th item: of campaign c, or alone where c is negative.
func benchItem(r *rand.Rand, n, c int) Item {
	own := fmt.Sprintf("h%d.example", c)
	if c < 0 {
		own = fmt.Sprintf("lone%d.example", n)
	}
	body := rand.New(rand.NewPCG(uint64(c+1<<20), 1))
	if c < 0 {
		body = r
	}
	words := make([]string, 60)
	for i := range words {
		words[i] = fmt.Sprintf("w%d", body.IntN(3000))
	}
	words[r.IntN(60)] = "changed"
	features := []Feature{f(RoleRemote, dom("t."+own)), f(RoleSender, dom("s."+own)), f(RoleURL, portcullis.Observable{Type: portcullis.TypeURL, Value: fmt.Sprintf("https://t.%s/%x", own, r.Uint64())}),
		f(RoleSignature, dom("common-relay.example")), f(RoleLink, dom("common-host.example")), named_(RoleName, TypeName, fmt.Sprintf("n%d", r.IntN(5000))), named_(RolePath, TypePath, fmt.Sprintf("/p%d/#", r.IntN(2000)))}
	for i := range 4 {
		features = append(features, f(RoleReceived, portcullis.Observable{Type: portcullis.TypeIP, Value: fmt.Sprintf("203.0.%d.%d", r.IntN(20), i)}))
	}
	return Item{Event: portcullis.NewID("event", "bench", fmt.Sprint(n)), Sensor: "mail", Time: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(max(c, 0))*time.Hour + time.Duration(r.IntN(86400))*time.Second),
		People: []portcullis.ID{portcullis.ID(fmt.Sprintf("person:%d", r.IntN(600)))}, Features: features, Words: 60, Text: minHash(words), Structure: minHash([]string{"table", "tr", fmt.Sprint(r.IntN(500))}),
		Findings: []FindingRef{{ID: portcullis.NewID("finding", fmt.Sprint(n)), Rule: "mail/bench@1", Severity: portcullis.Medium, Attention: portcullis.Targeted}}}
}

// fill puts items in without placing them, and settles, as a first run over old mail does.
func fill(b *testing.B, s *store.Store) {
	r := rand.New(rand.NewPCG(1, 1))
	next := 0
	for next < benchItems {
		write(b, s, benchDeps, func(w *Writer) error {
			if err := w.turn(b.Context()); err != nil {
				return err
			}
			for range 1000 {
				c := next % (benchCampaigns * 5)
				if c >= benchCampaigns {
					c = -1 // four fifths stand alone, and the rest are campaigns of two
				}
				if err := w.insert(b.Context(), newProfile(benchItem(r, next, c))); err != nil {
					return err
				}
				next++
			}
			return nil
		})
	}
}

func filled(b *testing.B) *store.Store {
	cfg := sqliteConfig(b)
	if os.Getenv("PORTCULLIS_BENCH_POSTGRES") != "" {
		cfg = postgresConfig(b)
	}
	s := open(b, cfg)
	fill(b, s)
	began := time.Now()
	done := settle(b, s, benchDeps)
	b.Logf("settled %d items into %d campaigns in %v", done.Items, done.Campaigns, time.Since(began).Round(time.Millisecond))
	return s
}

// BenchmarkPut places one finding with 100,000 and 10,000 campaigns stored: each in a transaction of its
// own, and the slowest of them told beside the mean.
func BenchmarkPut(b *testing.B) {
	s := filled(b)
	r := rand.New(rand.NewPCG(2, 2))
	n := benchItems
	var took []time.Duration
	for b.Loop() {
		c := r.IntN(2*benchCampaigns) - benchCampaigns
		item := benchItem(r, n, c)
		n++
		began := time.Now()
		write(b, s, benchDeps, func(w *Writer) error { _, err := w.Put(b.Context(), item); return err })
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs/p99")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "µs/max")
}

// BenchmarkSettle settles 100,000 items of which nothing changed.
func BenchmarkSettle(b *testing.B) {
	s := filled(b)
	for b.Loop() {
		settle(b, s, benchDeps)
	}
}

// BenchmarkCommonValue settles items that all hold one value: it must cost what it holds, not what it could link.
func BenchmarkCommonValue(b *testing.B) {
	for _, n := range []int{12_500, 25_000, 50_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			items := make([]*profile, n)
			for i := range items {
				items[i] = newProfile(mailOf(i, fmt.Sprintf("h%d.example", i), 1, f(RoleLink, dom("shared.example"))))
			}
			slices.SortFunc(items, (*profile).before)
			for b.Loop() {
				wg, err := prepare(b.Context(), items, Deps{}, nil)
				must(b, err)
				wg.total = 1 << 30 // so rare that all holders are compared
				partition(items, wg, newDecided(nil))
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/item")
		})
	}
}

// BenchmarkCampaign reads one campaign with all its reasons.
func BenchmarkCampaign(b *testing.B) {
	s := filled(b)
	r := NewReader(s.DB(), benchDeps)
	list, err := r.Campaigns(b.Context(), Query{Limit: 50})
	must(b, err)
	i := 0
	for b.Loop() {
		_, err := r.Campaign(b.Context(), list[i%len(list)].ID)
		must(b, err)
		i++
	}
}
