package message

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseDate reads a date of RFC 5322 §3.3 and §4.3 leniently: comments, obsolete
// zones, two-digit years, the parts in any order that leaves them distinct, and
// RFC 3339.
func ParseDate(s string) (time.Time, error) {
	s, _ = stripComments(clip(strings.TrimSpace(s), 200))
	if t, err := time.Parse(time.RFC3339, strings.TrimSpace(s)); err == nil {
		return t, nil
	}
	d := dateParts{day: -1, year: -1, hour: -1}
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		d.word(w)
	}
	return d.time(s)
}

type dateParts struct {
	day, month, year     int
	hour, minute, second int
	zone                 *time.Location
}

func (d *dateParts) word(w string) {
	switch {
	case strings.IndexByte(w, ':') > 0:
		d.clock(w)
	case d.month == 0 && monthOf(w) > 0:
		d.month = monthOf(w)
	case (w[0] == '+' || w[0] == '-') && d.hour >= 0 && d.zone == nil:
		d.zone = offsetZone(w)
	case strings.IndexByte(w, '-') > 0: // 02-Jan-2006
		for _, part := range strings.Split(w, "-") {
			if part != "" {
				d.word(part)
			}
		}
	case w[0] >= '0' && w[0] <= '9':
		d.number(w)
	case d.hour >= 0 && d.zone == nil:
		d.zone = namedZone(w)
	}
}

func (d *dateParts) number(w string) {
	n, err := strconv.Atoi(w)
	switch {
	case err != nil:
	case d.day < 0 && len(w) <= 2:
		d.day = n
	case d.year < 0:
		d.year = fullYear(n, len(w))
	}
}

// fullYear reads years of two and three digits as RFC 5322 §4.3 does.
func fullYear(n, digits int) int {
	switch {
	case digits <= 2 && n < 50:
		return n + 2000
	case digits <= 3:
		return n + 1900
	}
	return n
}

func (d *dateParts) clock(w string) {
	// "10:20:30+0100" without the space.
	if i := strings.IndexAny(w, "+-"); i > 0 {
		d.zone = offsetZone(w[i:])
		w = w[:i]
	}
	parts := strings.Split(w, ":")
	if len(parts) > 3 {
		return
	}
	var n [3]int
	for i, p := range parts {
		p, _, _ = strings.Cut(p, ".")
		v, err := strconv.Atoi(p)
		if err != nil {
			return
		}
		n[i] = v
	}
	d.hour, d.minute, d.second = n[0], n[1], n[2]
}

func (d *dateParts) time(s string) (time.Time, error) {
	switch {
	case d.day < 1 || d.day > 31 || d.month == 0 || d.year < 1900 || d.year > 9999:
		return time.Time{}, fmt.Errorf("date %q: no day, month and year", clip(s, 60))
	case d.hour > 24 || d.minute < 0 || d.minute > 59 || d.second < 0 || d.second > 60:
		return time.Time{}, fmt.Errorf("date %q: no such time of day", clip(s, 60))
	}
	zone := d.zone
	if zone == nil {
		zone = time.UTC
	}
	return time.Date(d.year, time.Month(d.month), d.day, max(d.hour, 0), d.minute, d.second, 0, zone), nil
}

func monthOf(w string) int {
	const names = "janfebmaraprmayjunjulaugsepoctnovdec"
	if len(w) < 3 || len(w) > 9 {
		return 0
	}
	i := strings.Index(names, strings.ToLower(w[:3]))
	if i < 0 || i%3 != 0 {
		return 0
	}
	return i/3 + 1
}

func offsetZone(w string) *time.Location {
	digits := strings.ReplaceAll(w[1:], ":", "")
	n, err := strconv.Atoi(digits)
	if err != nil || len(digits) != 4 || n%100 > 59 || n > 2400 {
		return time.UTC
	}
	seconds := n/100*3600 + n%100*60
	if w[0] == '-' {
		seconds = -seconds
	}
	if seconds == 0 {
		return time.UTC
	}
	return time.FixedZone("", seconds)
}

// namedZone knows the zones of RFC 5322 §4.3; all others count as UTC.
func namedZone(w string) *time.Location {
	hours := 0
	switch strings.ToUpper(w) {
	case "EDT":
		hours = -4
	case "EST", "CDT":
		hours = -5
	case "CST", "MDT":
		hours = -6
	case "MST", "PDT":
		hours = -7
	case "PST":
		hours = -8
	default:
		return time.UTC
	}
	return time.FixedZone(strings.ToUpper(w), hours*3600)
}
