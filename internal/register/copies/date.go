package copies

import "time"

// dates of birth are of people between these ages.
const (
	oldest   = 115
	youngest = 14
)

func isDigit(c byte) bool { return c-'0' < 10 }

// digits reads up to limit digits at i.
func digits(p []byte, i, limit int) (value, width int) {
	for i+width < len(p) && width < limit && isDigit(p[i+width]) {
		value = value*10 + int(p[i+width]-'0')
		width++
	}
	return value, width
}

// days counts days from 1 January 1800 of a date in which every month has 31, so that no date is computed with.
func days(y, m, d int) (int32, bool) {
	if m < 1 || m > 12 || d < 1 || d > 31 {
		return 0, false
	}
	return int32((y-1800)*372 + (m-1)*31 + d), true
}

// date is one that was found: where it ends and which days it may mean.
type date struct {
	end      int
	year     int
	day      [2]int32
	readings int
}

func (d *date) add(y, m, day int) {
	if n, ok := days(y, m, day); ok {
		d.year = y
		d.day[d.readings] = n
		d.readings++
	}
}

// readDate reads the date that begins at i with a run of n digits. It knows 1970-12-31,
// 31.12.1970, 12/31/1970 and the like, 19701231 and 31121970.
func readDate(p []byte, i, n int) (d date, ok bool) {
	switch n {
	case 8:
		d.end = i + 8
		if y, _ := digits(p, i, 4); y >= 1850 && y < 2100 {
			m, _ := digits(p, i+4, 2)
			day, _ := digits(p, i+6, 2)
			d.add(y, m, day)
			break
		}
		day, _ := digits(p, i, 2)
		m, _ := digits(p, i+2, 2)
		y, _ := digits(p, i+4, 4)
		d.add(y, m, day)
	case 1, 2, 4:
		d = readParted(p, i, n)
	}
	return d, d.readings > 0
}

func readParted(p []byte, i, n int) (d date) {
	a, _ := digits(p, i, n)
	i += n
	if i+1 >= len(p) {
		return d
	}
	sep := p[i]
	if sep != '-' && sep != '.' && sep != '/' {
		return d
	}
	b, wb := digits(p, i+1, 3)
	i += 1 + wb
	if wb == 0 || wb > 2 || i+1 >= len(p) || p[i] != sep {
		return d
	}
	c, wc := digits(p, i+1, 5)
	d.end = i + 1 + wc
	switch {
	case n == 4 && (wc == 1 || wc == 2):
		d.add(a, b, c)
	case n <= 2 && wc == 4:
		d.add(c, b, a)
		if a != b && a <= 12 && sep != '.' {
			d.add(c, a, b)
		}
	}
	return d
}

// parseDate reads a date as registers write it, with or without a time behind, as all days that it may mean.
func parseDate(s string) (days []int32) {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	d, _ := readDate([]byte(s), 0, n)
	return append(days, d.day[:d.readings]...)
}

// ParseDate tells whether a date can be read, and the day that it means first.
func ParseDate(s string) (int32, bool) {
	if all := parseDate(s); len(all) > 0 {
		return all[0], true
	}
	return 0, false
}

// births are the years that people on a register are born in.
type births struct{ from, to int }

func birthsAt(now time.Time) births { return births{now.Year() - oldest, now.Year() - youngest} }

func (b births) holds(year int) bool { return year >= b.from && year <= b.to }
