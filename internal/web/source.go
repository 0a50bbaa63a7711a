package web

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// A message's source is shown line by line, each a list of runs. A run is plain,
// or stands for one character that would not be seen, or lies in evidence.

const (
	maxLines   = 4000
	wrapAt     = 2000 // a longer line goes on in the next, marked
	maxMarks   = 200
	hexRow     = 16
	hexRowsMax = 2048
)

// sourceView is a Source made ready for the template.
type sourceView struct {
	Source
	ID    string // for links within the page
	Lines []sourceLine
	Notes []markNote
	Cut   bool // not all of the part is shown
}

// sourceLine is one line.
type sourceLine struct {
	Number int // 0 for a line that goes on
	Offset string
	Runs   []run
}

// run is a stretch of one line that is shown alike.
type run struct {
	Text  string
	Odd   bool // Text stands for a character: control, direction, zero width, bad byte
	Mark  int  // number of the evidence it lies in; 0 is none
	First bool // of this evidence: the link target
	Note  string
}

// markNote is a piece of evidence beside the source.
type markNote struct {
	N         int
	Note      string
	Where     string // "bytes 120–164"
	Elsewhere bool   // outside of what is shown
}

// viewSource lays out one part. Ranges that make no sense are clamped, for they
// were computed on bytes that may have been kept in another form.
func viewSource(src Source, id string) sourceView {
	v := sourceView{Source: src, ID: id}
	if len(v.Bytes) > MaxSource {
		v.Bytes, v.Cut = v.Bytes[:MaxSource], true
	}
	v.Cut = v.Cut || v.Offset > 0 || v.Offset+len(v.Bytes) < v.Size
	marks := v.clampMarks()
	if v.Binary {
		v.Lines = hexLines(v.Bytes, v.Offset, marks)
		v.Cut = v.Cut || len(v.Bytes) > hexRow*hexRowsMax
		v.unlink()
		return v
	}
	l := layout{marks: marks, offset: v.Offset, seen: map[int]bool{}}
	l.read(v.Bytes)
	v.Lines, v.Cut = l.lines, v.Cut || l.full
	v.unlink()
	return v
}

// unlink takes the link from notes whose range is not to be seen: it lies
// within another's, or in half of a character, or behind where the page stops.
func (v *sourceView) unlink() {
	seen := map[int]bool{}
	for _, l := range v.Lines {
		for _, r := range l.Runs {
			seen[r.Mark] = true
		}
	}
	for i := range v.Notes {
		v.Notes[i].Elsewhere = v.Notes[i].Elsewhere || !seen[v.Notes[i].N]
	}
}

// clampMarks makes the notes and returns the marks as ranges of Bytes, by
// start. A mark of zero length at zero stands for the whole part, and is noted only.
func (v *sourceView) clampMarks() []numbered {
	var in []numbered
	for i, m := range v.Marks[:min(len(v.Marks), maxMarks)] {
		note := markNote{N: i + 1, Note: m.Note, Where: fmt.Sprintf("bytes %s–%s", thousands(m.Start), thousands(m.End))}
		start, end := max(m.Start-v.Offset, 0), min(m.End-v.Offset, len(v.Bytes))
		switch {
		case m.Start == 0 && m.End == 0:
			note.Where, note.Elsewhere = "the whole part", true
		case start >= end:
			note.Elsewhere = true
		default:
			in = append(in, numbered{n: i + 1, start: start, end: end, note: m.Note})
		}
		v.Notes = append(v.Notes, note)
	}
	slices.SortStableFunc(in, func(a, b numbered) int { return cmp.Compare(a.start, b.start) })
	return in
}

// numbered is a mark within the bytes shown.
type numbered struct {
	n, start, end int
	note          string
}

// at returns the first mark that covers a byte. There are few marks.
func at(marks []numbered, i int) *numbered {
	for k := range marks {
		if marks[k].start > i {
			return nil
		}
		if i < marks[k].end {
			return &marks[k]
		}
	}
	return nil
}

// layout turns bytes into lines of runs.
type layout struct {
	marks  []numbered
	offset int
	seen   map[int]bool
	lines  []sourceLine
	line   sourceLine
	text   strings.Builder
	mark   *numbered
	width  int
	number int
	marked int // combining marks in a row
	full   bool
}

func (l *layout) read(b []byte) {
	l.begin(0, true)
	for i := 0; i < len(b); {
		if len(l.lines) >= maxLines {
			l.full = true
			return
		}
		r, size := utf8.DecodeRune(b[i:])
		if m := at(l.marks, i); m != l.mark {
			l.flush()
			l.mark = m
		}
		l.add(r, size, b, i)
		i += size
	}
	l.end()
}

// add takes one character. A line ends at LF; the CR of a CR LF is not shown,
// any other is.
func (l *layout) add(r rune, size int, b []byte, i int) {
	l.marked = countMarks(l.marked, r)
	switch {
	case r == '\n':
		l.end()
		l.begin(i+1, true)
		return
	case r == '\r' && i+1 < len(b) && b[i+1] == '\n':
		return
	case r == utf8.RuneError && size == 1:
		l.odd(fmt.Sprintf("‹%02x›", b[i]))
	case r == '\t':
		l.text.WriteByte('\t')
	case odd(r), l.marked > maxStack:
		l.odd(oddName(r))
	default:
		l.text.WriteRune(r)
	}
	if l.width++; l.width >= wrapAt {
		l.end()
		l.begin(i+size, false)
	}
}

func (l *layout) begin(i int, fresh bool) {
	l.line, l.width = sourceLine{Offset: fmt.Sprint(l.offset + i)}, 0
	if fresh {
		l.number++
		l.line.Number = l.number
	}
}

func (l *layout) odd(name string) {
	l.flush()
	l.push(run{Text: name, Odd: true})
}

func (l *layout) flush() {
	if l.text.Len() > 0 {
		l.push(run{Text: l.text.String()})
		l.text.Reset()
	}
}

func (l *layout) push(r run) {
	if l.mark != nil {
		r.Mark, r.Note, r.First = l.mark.n, l.mark.note, !l.seen[l.mark.n]
		l.seen[l.mark.n] = true
	}
	l.line.Runs = append(l.line.Runs, r)
}

func (l *layout) end() {
	l.flush()
	l.lines = append(l.lines, l.line)
}

// hexLines is a dump, sixteen bytes a row; rows that evidence touches are marked.
func hexLines(b []byte, offset int, marks []numbered) (lines []sourceLine) {
	seen := map[int]bool{}
	for i := 0; i < len(b) && len(lines) < hexRowsMax; i += hexRow {
		row := b[i:min(i+hexRow, len(b))]
		var m *numbered
		for k := range row {
			if m = at(marks, i+k); m != nil {
				break
			}
		}
		printable := strings.Map(func(r rune) rune {
			if r < 0x20 || r > 0x7E {
				return '.'
			}
			return r
		}, latin(row))
		r := run{Text: fmt.Sprintf("%-47s  %s", spaced(row), printable)}
		if m != nil {
			r.Mark, r.Note, r.First = m.n, m.note, !seen[m.n]
			seen[m.n] = true
		}
		lines = append(lines, sourceLine{Number: len(lines) + 1, Offset: fmt.Sprint(offset + i), Runs: []run{r}})
	}
	return lines
}

func spaced(b []byte) string {
	var parts []string
	for _, c := range b {
		parts = append(parts, hex.EncodeToString([]byte{c}))
	}
	return strings.Join(parts, " ")
}

// latin reads each byte as one character.
func latin(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}
