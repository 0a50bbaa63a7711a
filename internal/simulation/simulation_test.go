package simulation

import (
	"fmt"
	"math"
	"reflect"
	"testing"
)

func TestWorldsAreDrawnFromTheirSeed(t *testing.T) {
	groups := InventedGroups(3, 40)
	s := Scenarios()[0]
	a, b, c := New(groups, s, 5).Incidents(50), New(groups, s, 5).Incidents(50), New(groups, s, 6).Incidents(50)
	if !reflect.DeepEqual(a, b) {
		t.Error("the same seed gives another world")
	}
	if reflect.DeepEqual(a, c) {
		t.Error("another seed gives the same world")
	}
}

// What a scenario promises is in the incidents.
func TestScenarios(t *testing.T) {
	const n = 3000
	reports := map[string]int{}
	for _, s := range Scenarios() {
		w := New(InventedGroups(3, 60), s, 11)
		unlisted, flags, echoes, ordinary := 0, 0, 0, 0
		for _, i := range w.Incidents(n) {
			if !i.Truth.Listed && !i.Truth.Ordinary {
				unlisted++
			}
			if i.Truth.Flag {
				flags++
			}
			if i.Truth.Ordinary {
				ordinary++
			}
			own := false
			for _, r := range i.Reports {
				if r.Via != "" {
					own = true
				} else {
					reports[s.Name]++
				}
			}
			if own {
				echoes++
			}
			if len(i.Reports) == 0 {
				t.Fatalf("%s: an incident nobody tells of", s.Name)
			}
		}
		if share := float64(unlisted) / n; math.Abs(share-s.Unlisted) > 0.03 {
			t.Errorf("%s: %.2f by unlisted actors, want %.2f", s.Name, share, s.Unlisted)
		}
		if flags < n/50 || echoes < n/4 || ordinary < n/50 {
			t.Errorf("%s: %d planted flags, %d with echoes, %d ordinary", s.Name, flags, echoes, ordinary)
		}
	}
	if reports["doubled drop-out"] > reports["nominal"]*8/10 {
		t.Errorf("reports: %v", reports)
	}
}

// The methods give probabilities, and know something.
func TestMethods(t *testing.T) {
	w := New(InventedGroups(3, 40), Scenarios()[0], 4)
	k := Know(w.Public())
	for _, m := range Methods() {
		right, listed := 0, 0
		for _, i := range w.Incidents(300) {
			p, sum, best := m.Weigh(k, i), 0.0, None
			for name, share := range p {
				sum += share
				if name != None && (best == None || share > p[best]) {
					best = name
				}
			}
			if math.Abs(sum-1) > 1e-9 || len(p) != len(w.Public())+1 {
				t.Fatalf("%s: %d chances that add up to %v", m.Name, len(p), sum)
			}
			if i.Truth.Listed {
				listed++
				if best == i.Truth.Actor {
					right++
				}
			}
		}
		if right*4 < listed {
			t.Errorf("%s: right %d of %d times", m.Name, right, listed)
		}
	}
}

func ExampleScenarios() {
	for _, s := range Scenarios() {
		fmt.Println(s.Name)
	}
	// Output:
	// nominal
	// doubled drop-out
	// 60 % unlisted
	// groups never seen
}
