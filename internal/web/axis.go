package web

import (
	"fmt"
	"slices"
	"time"
)

// axis maps times to a drawing's x. A long time without anything is shortened
// and marked as a break: campaigns are days of mail and then, often years later,
// the day somebody learnt of it, and on an even scale the first would be a dot.
type axis struct {
	spans  []span
	Ticks  []tick
	Breaks []gap
}

// span is a stretch of time without a long gap, and where it lies.
type span struct {
	from, to time.Time
	x0, x1   float64
}

// tick is a label on the axis.
type tick struct {
	X     string
	Label string
}

// gap is a shortened gap.
type gap struct {
	X, Width string
	Mid      string
	Label    string // "14 months"
}

const (
	gapWidth = 64.0 // of a shortened gap
	gapShare = 0.25 // of the whole: what is longer is shortened
	maxGaps  = 3
	tickRoom = 92.0 // a label needs
)

// newAxis lays the times out between x0 and x1.
func newAxis(times []time.Time, x0, x1 float64, zone *time.Location) axis {
	times = slices.DeleteFunc(slices.Clone(times), time.Time.IsZero)
	if len(times) == 0 {
		return axis{}
	}
	slices.SortFunc(times, time.Time.Compare)
	var a axis
	a.split(times)
	a.place(x0, x1)
	for _, s := range a.spans {
		a.Ticks = append(a.Ticks, s.ticks(zone)...)
	}
	for i := 1; i < len(a.spans); i++ {
		left, right := a.spans[i-1], a.spans[i]
		a.Breaks = append(a.Breaks, gap{px(left.x1), px(right.x0 - left.x1), px((left.x1 + right.x0) / 2), roughly(right.from.Sub(left.to))})
	}
	return a
}

// split cuts where nothing happened for a large part of the whole.
func (a *axis) split(times []time.Time) {
	whole := times[len(times)-1].Sub(times[0])
	limit := max(time.Duration(float64(whole)*gapShare), 36*time.Hour)
	a.spans = []span{{from: times[0], to: times[0]}}
	for _, t := range times[1:] {
		last := &a.spans[len(a.spans)-1]
		if t.Sub(last.to) > limit && len(a.spans) <= maxGaps {
			a.spans = append(a.spans, span{from: t, to: t})
			continue
		}
		last.to = t
	}
}

// place gives each span room by its length, and none less than a label needs.
func (a *axis) place(x0, x1 float64) {
	room := x1 - x0 - gapWidth*float64(len(a.spans)-1)
	least := min(tickRoom, room/float64(len(a.spans)))
	var total time.Duration
	for _, s := range a.spans {
		total += s.to.Sub(s.from)
	}
	free, x := room-least*float64(len(a.spans)), x0
	for i := range a.spans {
		s := &a.spans[i]
		width := least + free/float64(len(a.spans))
		if total > 0 {
			width = least + free*float64(s.to.Sub(s.from))/float64(total)
		}
		s.x0, s.x1 = x, x+width
		x = s.x1 + gapWidth
	}
}

// at is where a time lies.
func (a axis) at(t time.Time) float64 {
	if len(a.spans) == 0 {
		return 0
	}
	for _, s := range a.spans {
		if !t.After(s.to) {
			return s.at(t)
		}
	}
	last := a.spans[len(a.spans)-1]
	return last.at(t)
}

// at keeps a little room on both sides, so that no mark is cut.
func (s span) at(t time.Time) float64 {
	const margin = 10
	whole := s.to.Sub(s.from)
	if whole <= 0 {
		return (s.x0 + s.x1) / 2
	}
	share := min(max(float64(t.Sub(s.from))/float64(whole), 0), 1)
	return s.x0 + margin + share*(s.x1-s.x0-2*margin)
}

// steps are the distances between labels.
var steps = []struct {
	step   time.Duration
	layout string
}{
	{time.Minute, "15:04"}, {5 * time.Minute, "15:04"}, {15 * time.Minute, "15:04"}, {time.Hour, "2 Jan 15:04"}, {3 * time.Hour, "2 Jan 15:04"},
	{6 * time.Hour, "2 Jan 15:04"}, {12 * time.Hour, "2 Jan 15:04"},
	{24 * time.Hour, "2 Jan 2006"}, {2 * 24 * time.Hour, "2 Jan 2006"}, {7 * 24 * time.Hour, "2 Jan 2006"}, {14 * 24 * time.Hour, "2 Jan 2006"},
	{30 * 24 * time.Hour, "Jan 2006"}, {91 * 24 * time.Hour, "Jan 2006"}, {365 * 24 * time.Hour, "2006"}, {3650 * 24 * time.Hour, "2006"},
}

// ticks are as many labels as there is room for.
func (s span) ticks(zone *time.Location) (out []tick) {
	whole := s.to.Sub(s.from)
	if whole <= 0 {
		return []tick{{px((s.x0 + s.x1) / 2), s.from.In(zone).Format("2 Jan 2006")}}
	}
	fits := max(int((s.x1-s.x0)/tickRoom), 1)
	for _, c := range steps {
		if int(whole/c.step) > fits {
			continue
		}
		for t := s.from.In(zone).Truncate(c.step); !t.After(s.to) && len(out) < fits; t = t.Add(c.step) {
			if x := s.at(t); !t.Before(s.from) && x-s.x0 >= 4 {
				out = append(out, tick{px(x), t.Format(c.layout)})
			}
		}
		if len(out) > 0 {
			return out
		}
		break
	}
	return []tick{{px(s.at(s.from)), s.from.In(zone).Format("2 Jan 2006")}}
}

// px writes a coordinate: tenths are enough.
func px(x float64) string { return fmt.Sprintf("%.1f", x) }

// roughly says how long something is, in the largest unit that says enough.
func roughly(d time.Duration) string {
	if d < 0 {
		d = -d
	}
	const day = 24 * time.Hour
	switch {
	case d < 90*time.Second:
		return "a minute"
	case d < 100*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	case d < 48*time.Hour:
		return plural(int(d.Hours()+0.5), "hour", "hours")
	case d < 60*day:
		return plural(int(d/day), "day", "days")
	case d < 730*day:
		return plural(int(d/(30*day)), "month", "months")
	}
	return plural(int(d/(365*day)), "year", "years")
}
