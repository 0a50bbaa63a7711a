package message

import "strings"

// writer gathers text the way HTML lays it out: runs of white space are one
// space, blocks begin a new line.
type writer struct {
	buf  []byte
	max  int
	wait byte // the white space to write before the next character
	full bool
}

func (w *writer) newline() {
	if len(w.buf) > 0 {
		w.wait = '\n'
	}
}

func (w *writer) space() {
	if w.wait == 0 && len(w.buf) > 0 {
		w.wait = ' '
	}
}

func (w *writer) write(text []byte) {
	for len(text) > 0 && !w.full {
		n := 0
		for n < len(text) && text[n] > ' ' && text[n] != 0xc2 {
			n++
		}
		switch {
		case n > 0:
			w.add(text[:n])
		case text[0] == 0xc2 && len(text) > 1 && text[1] == 0xa0: // no-break space
			w.space()
			n = 2
		case text[0] == 0xc2:
			n = min(2, len(text))
			w.add(text[:n])
		default:
			w.space()
			n = 1
		}
		text = text[n:]
	}
}

func (w *writer) add(word []byte) {
	if len(w.buf)+len(word)+1 > w.max {
		w.full = true
		return
	}
	if w.wait != 0 {
		w.buf = append(w.buf, w.wait)
		w.wait = 0
	}
	w.buf = append(w.buf, word...)
}

func (w *writer) len() int { return len(w.buf) }

// since is what was written after the buffer had n bytes, on one line.
func (w *writer) since(n int) string {
	s := strings.TrimSpace(string(w.buf[min(n, len(w.buf)):]))
	return strings.ReplaceAll(s, "\n", " ")
}

func (w *writer) String() string { return string(w.buf) }
