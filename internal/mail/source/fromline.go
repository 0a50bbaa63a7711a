package source

import (
	"bytes"
	"strings"
	"time"
)

var (
	fromLine       = []byte("From ")
	quotedFromLine = []byte(">From ")
)

// maxFromLine is how long a From_ line may be; a longer one is text.
const maxFromLine = 1 << 10

// plausibleFrom tells whether a line has the shape that delivery agents give
// the separator: "From", a sender, and a date as asctime writes it (RFC 4155
// Appendix A), with the deviations met in the wild: no seconds, a zone before
// or behind the year, no sender, a sender with spaces ("name at host.example").
func plausibleFrom(line []byte) bool {
	_, _, ok := parseFrom(line)
	return ok
}

// parseFrom takes sender and time from a From_ line.
func parseFrom(line []byte) (sender string, when time.Time, ok bool) {
	if !bytes.HasPrefix(line, fromLine) || len(line) > maxFromLine {
		return "", time.Time{}, false
	}
	words := strings.Fields(string(line[len(fromLine):]))
	for i := range words {
		if !isWeekday(words[i]) {
			continue
		}
		if when, ok := parseAsctime(words[i:]); ok {
			return strings.Join(words[:i], " "), when, true
		}
	}
	if len(words) > 0 {
		sender = words[0]
	}
	return sender, time.Time{}, false
}

func isWeekday(w string) bool {
	switch strings.TrimSuffix(w, ",") {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

var clockLayouts = [...]string{"15:04:05", "15:04"}

// parseAsctime reads "Www Mmm dd hh:mm[:ss] [zone] yyyy [zone]", the day and the
// month in either order.
func parseAsctime(words []string) (time.Time, bool) {
	if len(words) < 5 || len(words) > 10 {
		return time.Time{}, false
	}
	day, month := words[2], words[1]
	if month[0] >= '0' && month[0] <= '9' {
		day, month = month, day
	}
	var year, zone string
	clock := words[3]
	if !strings.Contains(clock, ":") { // "Mon, 02 Jan 2006 15:04:05 -0700"
		year, clock = clock, words[4]
	}
	for _, w := range words[4:] {
		switch {
		case w == clock:
		case year == "" && len(w) == 4 && strings.Trim(w, "0123456789") == "":
			year = w
		case zone == "" && len(w) == 5 && (w[0] == '+' || w[0] == '-'):
			zone = w
		}
	}
	if zone == "" {
		zone = "+0000"
	}
	date := day + " " + month + " " + year + " " + zone + " " + clock
	for _, layout := range clockLayouts {
		if t, err := time.Parse("2 Jan 2006 -0700 "+layout, date); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// separates tells whether the line that begins text, known to begin with
// "From " behind a blank line, begins a message. Its argument: writers that
// quote (mboxo, mboxrd) leave no other such line, so a dated one always
// separates; those that don't, or not all, let prose through ("From what I
// hear …"), which has no date. An undated line counts only if a field that mail
// has follows at once, as behind the separators of programs that write
// "From -" or "From ???@???".
func separates(text []byte) bool {
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	return plausibleFrom(line) || len(line) <= maxFromLine && looksLikeHeader(rest, 2)
}
