package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"
)

// meter shows how far a scan is: a bar with rate and time left on a terminal,
// a plain line every ten seconds elsewhere.
type meter struct {
	out      io.Writer
	terminal bool
	width    int
	total    int64
	read     atomic.Int64
	count    atomic.Int64
	began    time.Time
	quit     chan struct{}
	done     chan struct{}
}

func newMeter(out io.Writer, total int64) *meter {
	m := &meter{out: out, total: total, width: 80}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		m.terminal = true
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			m.width = w
		}
	}
	return m
}

func (m *meter) bytes(read int64) { m.read.Store(read) }
func (m *meter) messages(n int)   { m.count.Add(int64(n)) }

func (m *meter) start(what string) {
	m.began = time.Now()
	m.quit, m.done = make(chan struct{}), make(chan struct{})
	every := 10 * time.Second
	if m.terminal {
		every = 200 * time.Millisecond
	}
	go func() {
		defer close(m.done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				m.draw(what)
			case <-m.quit:
				return
			}
		}
	}()
}

// stop ends the drawing and clears the bar.
func (m *meter) stop() {
	close(m.quit)
	<-m.done
	if m.terminal {
		fmt.Fprintf(m.out, "\r%s\r", strings.Repeat(" ", m.width-1))
	}
}

func (m *meter) draw(what string) {
	elapsed := time.Since(m.began)
	line := m.line(what, elapsed)
	if !m.terminal {
		fmt.Fprintln(m.out, line)
		return
	}
	room := max(m.width-1, 1) // one column stays free: a full line would wrap
	fmt.Fprintf(m.out, "\r%-*.*s", room, room, line)
}

func (m *meter) line(what string, elapsed time.Duration) string {
	read, n := m.read.Load(), m.count.Load()
	rate := float64(n) / elapsed.Seconds()
	text := fmt.Sprintf("%s messages, %.0f/s, %s", thousands(n), rate, megabytes(read))
	if m.total <= 0 || read <= 0 {
		return what + " " + text
	}
	share := min(float64(read)/float64(m.total), 1)
	left := time.Duration(float64(elapsed) * (1 - share) / share).Round(time.Second)
	text = fmt.Sprintf("%3.0f%%  %s of %s, %s left", share*100, text, megabytes(m.total), left)
	if !m.terminal {
		return what + " " + text
	}
	room := m.width - len(text) - 4
	if room < 10 {
		return text
	}
	full := int(share * float64(min(room, 30)))
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", min(room, 30)-full) + "] " + text
}

func megabytes(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}

// thousands writes a count with separators.
func thousands[T int | int64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func itoa(n int) string { return fmt.Sprint(n) }
