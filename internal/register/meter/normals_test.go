package meter

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// week is the work of some clerks in one hour: busy mornings, quiet afternoons, each with a pace
// of their own, and now and then a very busy hour.
func clerkHour(rng *rand.Rand, clerk int, at time.Time) int {
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday || at.Hour() < 8 || at.Hour() >= 17 {
		return 0
	}
	mean := 12 + 3*float64(clerk%5)
	if at.Hour() < 12 {
		mean *= 1.6
	}
	if rng.IntN(60) == 0 {
		mean *= 2
	}
	return max(0, int(mean+rng.NormFloat64()*mean/3))
}

// work lets twelve clerks work for some weeks, and returns what was unusual.
func work(n *Normals, rng *rand.Rand, from time.Time, weeks int) (found []Unusual, hours int) {
	for at := from; at.Before(from.AddDate(0, 0, 7*weeks)); at = at.Add(time.Hour) {
		for clerk := range 12 {
			k := clerkHour(rng, clerk, at)
			if k == 0 {
				continue
			}
			hours++
			s := Subject{Person: fmt.Sprintf("clerk%d", clerk), Role: "clerk"}
			for range k {
				found = append(found, n.Saw(s, []uint64{rng.Uint64N(1_000_000)}, at)...)
				found = append(found, n.Asked(s, at)...)
			}
		}
	}
	return found, hours
}

// TestNormals learns from clerks for six weeks, is quiet about them for another ten, and tells of
// thieves: the one at night, the one who takes three times a clerk's hour, and the one who reads steadily all day.
func TestNormals(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	p := policy(t, "")
	p.zone = time.UTC
	n := NewNormals(func() *Policy { return p })
	early, _ := work(n, rng, monday.Truncate(24*time.Hour), 6)
	later := monday.Truncate(24*time.Hour).AddDate(0, 0, 42)
	alarms, hours := work(n, rng, later, 10)
	t.Logf("false alarms: %d while learning, %d in %d person-hours after it", len(early), len(alarms), hours)
	if len(alarms) > hours/1000 {
		t.Errorf("%d false alarms in %d person-hours: %+v", len(alarms), hours, alarms[0])
	}
	end := later.AddDate(0, 0, 70)
	for name, c := range map[string]struct {
		hour, hours, rows int
		atMost            int // found after so many rows
	}{
		"at night":    {2, 1, 60, 25},
		"in a hurry":  {9, 1, 400, 250},
		"all day":     {8, 9, 120, 9 * 120},
		"a bulk copy": {10, 1, 5000, 250},
	} {
		taken, found := 0, false
		thief := Subject{Person: "thief " + name, Role: "clerk"}
		for h := range c.hours {
			at := end.Add(time.Duration(c.hour+h) * time.Hour)
			for range c.rows {
				taken++
				if len(n.Saw(thief, []uint64{rng.Uint64()}, at)) > 0 && !found {
					found = true
					t.Logf("%s: found after %d voters", name, taken)
					if taken > c.atMost {
						t.Errorf("%s: only after %d voters", name, taken)
					}
				}
			}
		}
		if !found {
			t.Errorf("%s: not found", name)
		}
	}
}

// TestThiefTeachesLittle: whoever grows slowly does not make it normal.
func TestThiefTeachesLittle(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	p := policy(t, "")
	p.zone = time.UTC
	n := NewNormals(func() *Policy { return p })
	start := monday.Truncate(24 * time.Hour)
	work(n, rng, start, 6)
	thief := Subject{Person: "thief", Role: "clerk"}
	told, pace := 0, 30.0
	for at := start.AddDate(0, 0, 42); at.Before(start.AddDate(0, 0, 42+140)); at = at.AddDate(0, 0, 7) {
		if _, hours := work(n, rng, at, 1); hours == 0 {
			t.Fatal("nobody worked")
		}
		for range int(pace) {
			told += len(n.Saw(thief, []uint64{rng.Uint64()}, at.Add(9*time.Hour)))
		}
		pace *= 1.3
	}
	if told < 8 {
		t.Errorf("told %d times of one who grew by three tenths a week, from 30 to %.0f", told, pace)
	}
}
