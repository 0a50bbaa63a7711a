package meter

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Hours is when somebody works: "Mon-Fri 07:00-19:00" or "Sat 08:00-12:00", in the
// policy's zone. A stretch that ends before it begins goes past midnight.
type Hours struct {
	days     [7]bool // by time.Weekday
	from, to int     // minutes of the day
}

var weekdays = map[string]time.Weekday{"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}

// UnmarshalText reads the form above.
func (h *Hours) UnmarshalText(text []byte) error {
	const want = `want working hours such as "Mon-Fri 07:00-19:00"`
	days, times, ok := strings.Cut(strings.TrimSpace(string(text)), " ")
	if !ok {
		return fmt.Errorf("%q: %s", text, want)
	}
	first, last, ranged := strings.Cut(strings.ToLower(days), "-")
	a, ok1 := weekdays[first]
	b, ok2 := weekdays[last]
	if !ranged {
		b, ok2 = a, ok1
	}
	from, to, cut := strings.Cut(strings.TrimSpace(times), "-")
	var err1, err2 error
	h.from, err1 = minutes(from)
	h.to, err2 = minutes(to)
	if !ok1 || !ok2 || !cut || err1 != nil || err2 != nil || h.from == h.to {
		return fmt.Errorf("%q: %s", text, want)
	}
	h.days = [7]bool{}
	for d := a; ; d = (d + 1) % 7 {
		h.days[d] = true
		if d == b {
			return nil
		}
	}
}

// minutes reads 07:00; 24:00 is the end of the day.
func minutes(s string) (int, error) {
	hh, mm, ok := strings.Cut(s, ":")
	h, err := strconv.Atoi(hh)
	m, err2 := strconv.Atoi(mm)
	if !ok || err != nil || err2 != nil || h < 0 || m < 0 || m > 59 || h*60+m > 24*60 || len(mm) != 2 {
		return 0, fmt.Errorf("time of day %q", s)
	}
	return h*60 + m, nil
}

// MarshalText writes the form that UnmarshalText reads.
func (h Hours) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

func (h Hours) String() string {
	var names []string
	for d := range 7 {
		d = (d + 1) % 7
		if h.days[d] {
			names = append(names, time.Weekday(d).String()[:3])
		}
	}
	return fmt.Sprintf("%s %02d:%02d-%02d:%02d", strings.Join(names, ","), h.from/60, h.from%60, h.to/60, h.to%60)
}

// include tells whether a local time lies within.
func (h Hours) include(t time.Time) bool {
	m := t.Hour()*60 + t.Minute()
	today, yesterday := h.days[t.Weekday()], h.days[(t.Weekday()+6)%7]
	if h.from < h.to {
		return today && h.from <= m && m < h.to
	}
	return today && m >= h.from || yesterday && m < h.to
}

// ExtraHours are the hours of one day: "2027-05-06 05:00-24:00".
type ExtraHours struct {
	day      string
	from, to int
}

// UnmarshalText reads the form above.
func (e *ExtraHours) UnmarshalText(text []byte) error {
	date, times, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	from, to, ok := strings.Cut(times, "-")
	_, err := time.Parse(time.DateOnly, date)
	var err1, err2 error
	e.from, err1 = minutes(from)
	e.to, err2 = minutes(to)
	if err != nil || !ok || err1 != nil || err2 != nil || e.from >= e.to {
		return fmt.Errorf("%q: want a day and hours, such as \"2027-05-06 05:00-24:00\"", text)
	}
	e.day = date
	return nil
}

func (e ExtraHours) include(t time.Time) bool {
	m := t.Hour()*60 + t.Minute()
	return t.Format(time.DateOnly) == e.day && e.from <= m && m < e.to
}
