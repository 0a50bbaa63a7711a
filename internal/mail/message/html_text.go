package message

import "strings"

// writer gathers text the way HTML lays it out: runs of white space are one
// space, blocks begin a new line.
type writer struct {
	strings.Builder
	max  int
	wait byte // the white space to write before the next character
	full bool
}

func (w *writer) newline() {
	if w.Len() > 0 {
		w.wait = '\n'
	}
}

func (w *writer) space() {
	if w.wait == 0 && w.Len() > 0 {
		w.wait = ' '
	}
}

// writeDecoded writes text in which character references count.
func (w *writer) writeDecoded(text string) {
	for !w.full {
		amp := strings.IndexByte(text, '&')
		if amp < 0 {
			break
		}
		w.write(text[:amp])
		decoded, n := reference(text[amp:], false)
		w.write(decoded)
		text = text[amp+n:]
	}
	w.write(text)
}

// write appends text. Most of it is words with one space between, which go as
// they are.
func (w *writer) write(text string) {
	for len(text) > 0 && !w.full {
		n := laidOut(text)
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

// laidOut is how much of the text needs no change: words, one space between.
// Whatever begins with 0xc2 may be a no-break space.
func laidOut(text string) int {
	n := 0
	for n < len(text) {
		switch c := text[n]; {
		case c > ' ' && c != 0xc2:
			n++
		case c == ' ' && n > 0 && n+1 < len(text) && text[n+1] > ' ' && text[n+1] != 0xc2:
			n += 2
		default:
			return n
		}
	}
	return n
}

// add appends what fits, whole words only.
func (w *writer) add(words string) {
	if room := w.max - w.Len() - 1; len(words) > room {
		w.full = true
		words = words[:max(0, strings.LastIndexByte(words[:max(0, room+1)], ' '))]
		if words == "" {
			return
		}
	}
	if w.wait != 0 {
		w.WriteByte(w.wait)
		w.wait = 0
	}
	w.WriteString(words)
}

// since is what was written after the text had n bytes, on one line.
func (w *writer) since(n int) string {
	text := w.String()
	s := strings.TrimSpace(text[min(n, len(text)):])
	return strings.ReplaceAll(s, "\n", " ")
}
