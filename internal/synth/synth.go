// Package synth invents mail with known truth: attacks on the members of an
// invented parliament, and the harmless mail they lie among. Benchmarks measure
// the detectors on it and the shipped example is made from it.
//
// It is written from the sender's side, attacker or ordinary correspondent, and
// imports nothing but the standard library: what the detectors look for must
// not leak into what they are measured on. For the same reason an even seed and
// an odd one never share a template, a subject, a pretext or a piece of
// infrastructure wording: tune on even seeds, report on odd ones.
//
// Everything is a pure function of its seed (PCG from math/rand/v2, no clock,
// no maps iterated), so the same call gives the same bytes on every platform.
// Domains are reserved names (RFC 2606, RFC 6761), addresses come from the
// documentation ranges (RFC 5737, RFC 3849). Attachments are inert: they have
// the structure of what they stand for and do nothing.
package synth

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Truth is what a message really is.
type Truth struct {
	Class        string   // "impersonation/exact", "reconnaissance", "newsletter", …
	Targets      []string // true addresses of the protected people reached
	Impersonates string   // person or organisation whose name was taken
	Campaign     string   // what belongs together; copies share it
	Malicious    bool     // what a detector should find
	Background   bool     // an attacker's harmless preparation: neither a miss nor a false alarm
}

// Mail is one message as it lies in a mailbox, with CRLF line ends.
type Mail struct {
	Path    string // relative, with slashes: "anna.keller/2025-03-04-0001.eml"
	Mailbox string // folder name as in the [mailboxes] table of people.toml
	Raw     []byte
	Truth   Truth
	Time    time.Time // when it was delivered
}

// draw is a stream of choices, and the half of every template pool it may use.
type draw struct {
	*rand.Rand
	half  int
	read  map[string][]template // files of templates parsed so far
	taken map[string]bool       // names that have an owner
}

// newDraw starts the stream of one generator. The salt keeps generators
// that are given the same seed independent of each other.
func newDraw(seed uint64, salt string) *draw {
	h := fnv.New64a()
	h.Write([]byte(salt))
	return &draw{Rand: rand.New(rand.NewPCG(seed, h.Sum64())), half: int(seed % 2), read: map[string][]template{}}
}

// one picks from the whole list.
func one[T any](d *draw, list []T) T { return list[d.IntN(len(list))] }

// own picks from the entries of the seed's own half: even or odd places.
func own[T any](d *draw, list []T) T {
	n := (len(list) - d.half + 1) / 2
	if n == 0 {
		return list[0]
	}
	return list[2*d.IntN(n)+d.half]
}

// some picks k different entries, in random order; all of them if there are fewer.
func some[T any](d *draw, list []T, k int) []T {
	order := d.Perm(len(list))
	out := make([]T, 0, min(k, len(list)))
	for _, i := range order[:min(k, len(list))] {
		out = append(out, list[i])
	}
	return out
}

// chance is true in percent of the cases.
func (d *draw) chance(percent int) bool { return d.IntN(100) < percent }

// between is uniform over lo…hi, both included.
func (d *draw) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

const (
	hexDigits = "0123456789abcdef"
	idLetters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
)

// letters makes a random word of n characters of the alphabet.
func (d *draw) letters(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.IntN(len(alphabet))]
	}
	return string(b)
}

func (d *draw) hex(n int) string { return d.letters(hexDigits, n) }

// uuid has the form of a version 4 UUID.
func (d *draw) uuid() string {
	return d.hex(8) + "-" + d.hex(4) + "-4" + d.hex(3) + "-" + d.letters("89ab", 1) + d.hex(3) + "-" + d.hex(12)
}

// epoch is the first day any generated mail is dated.
var epoch = time.Date(2024, time.January, 8, 0, 0, 0, 0, time.UTC)

// day picks a working hour within two years of the epoch.
func (d *draw) day() time.Time { return d.dayIn(0, 700) }

// dayIn picks a time of day, mostly working hours, between two days after the epoch.
func (d *draw) dayIn(from, to int) time.Time {
	hour := d.between(6, 18)
	if d.chance(12) {
		hour = d.between(0, 23)
	}
	t := epoch.AddDate(0, 0, d.between(from, max(from, to)))
	return t.Add(time.Duration(hour)*time.Hour + time.Duration(d.IntN(3600))*time.Second)
}

// WriteMbox writes mails in the mboxrd form, with LF line ends: a line that
// begins with any number of ">" and "From " gets one more ">".
func WriteMbox(w io.Writer, mails []Mail) error {
	for i, m := range mails {
		var b bytes.Buffer
		fmt.Fprintf(&b, "From %s %s\n", bounceAddress(m.Raw), m.Time.UTC().Format(time.ANSIC))
		for line := range strings.Lines(toLF(m.Raw)) {
			if strings.HasPrefix(strings.TrimLeft(line, ">"), "From ") {
				b.WriteByte('>')
			}
			b.WriteString(line)
		}
		if !bytes.HasSuffix(b.Bytes(), []byte("\n")) {
			b.WriteByte('\n') // else the blank line below would end the last line and separate nothing
		}
		b.WriteByte('\n')
		if _, err := w.Write(b.Bytes()); err != nil {
			return fmt.Errorf("write message %d of the mbox: %w", i+1, err)
		}
	}
	return nil
}

// bounceAddress reads the Return-Path a message was given; MAILER-DAEMON if it is empty.
func bounceAddress(raw []byte) string {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for line := range bytes.Lines(head) {
		if rest, ok := bytes.CutPrefix(line, []byte("Return-Path: <")); ok {
			if addr, _, _ := bytes.Cut(rest, []byte(">")); len(addr) > 0 {
				return string(addr)
			}
		}
	}
	return "MAILER-DAEMON"
}

func toLF(raw []byte) string { return strings.ReplaceAll(string(raw), "\r\n", "\n") }

// WriteTree writes every mail to its path below dir.
func WriteTree(dir string, mails []Mail) error {
	for _, m := range mails {
		path := filepath.Join(dir, filepath.FromSlash(m.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make the folder of %s: %w", m.Path, err)
		}
		if err := os.WriteFile(path, m.Raw, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", m.Path, err)
		}
	}
	return nil
}
